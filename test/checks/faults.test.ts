import { describe, expect, test } from 'vitest';
import { http } from '#checks/http';
import { createEgressPolicy } from '#checks/net/egress';
import { downErrors, unknownErrors } from '#lib/error-type';
import { faults } from '../faults/all.ts';
import type { Fault } from '../faults/fault.ts';
import { routeFaults } from '../faults/route.ts';
import { runCheck, services } from '../support/checks/run-check.ts';
import { attempts, closeTheWayOut } from '../support/network/no-way-out.ts';

/** Of these the way there has its own table: test/checks/namespace.test.ts. */
const made = new Set([...faults, ...routeFaults].map(({ error }) => error));
const ofOthers = /^(icmp|log|heartbeat)_|^agent_(stopping|error)$/;

closeTheWayOut();

test('every reason a network check can have has a fault, and none is an internal error', () => {
  const wanted = [...downErrors, ...unknownErrors].filter((error) => !ofOthers.test(error));
  expect(wanted.filter((error) => !made.has(error))).toEqual([]);
  expect(made).not.toContain('agent_error');
});

describe('every fault has its own reason', () => {
  test.concurrent.each(faults)('$name: $error', async (fault) => {
    await expectVerdict(fault);
  });

  test('all of them at once', async () => {
    await Promise.all(faults.map(expectVerdict));
  });

  test('nothing was tried that leads beyond this machine, which would have been seen', async () => {
    expect(attempts).toEqual([]);
    const egress = createEgressPolicy({ allow: ['169.254.169.254'], deny: [] });
    await runCheck(http, 'http://169.254.169.254/', {}, { services: { ...services, egress } });
    expect(attempts).toEqual(['169.254.169.254']);
  });
});

async function expectVerdict({ open, error, says }: Fault): Promise<void> {
  await using trouble = await open();
  const { verdict } = await runCheck(
    trouble.check,
    trouble.target,
    trouble.settings,
    trouble.options,
  );
  const status = downErrors.includes(error as never) ? 'down' : 'unknown';
  expect(verdict).toMatchObject({ status, error });
  if (says) expect(verdict).toMatchObject({ message: expect.stringMatching(says) });
}
