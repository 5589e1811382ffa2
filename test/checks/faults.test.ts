import { describe, expect, test } from 'vitest';
import { downErrors } from '#lib/error-type';
import { bodyFaults } from '../faults/body.ts';
import { connectionFaults } from '../faults/connection.ts';
import { dnsFaults } from '../faults/dns.ts';
import { type Fault } from '../faults/fault.ts';
import { httpFaults } from '../faults/http.ts';
import { tlsFaults } from '../faults/tls.ts';
import { runCheck } from '../support/run-check.ts';

const faults = [...dnsFaults, ...connectionFaults, ...tlsFaults, ...httpFaults, ...bodyFaults];

test('every reason a network check can have for being down has a fault', () => {
  const ofOthers = /^(icmp|log|heartbeat)_/;
  const inNamespaces = ['connect_timeout', 'host_unreachable', 'net_unreachable'];
  const made = [...faults.map(({ error }) => error), ...inNamespaces];
  const wanted = downErrors.filter((error) => !ofOthers.test(error));
  expect(wanted.filter((error) => !made.includes(error))).toEqual([]);
});

describe('every fault has its own reason', () => {
  test.concurrent.each(faults)('$name: $error', async (fault) => {
    await expectVerdict(fault);
  });

  test('all of them at once', async () => {
    await Promise.all(faults.map(expectVerdict));
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
