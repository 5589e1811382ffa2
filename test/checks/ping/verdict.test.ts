import { expect, test } from 'vitest';
import type { EchoReport } from '#checks/ping/pinger';
import { pingSettings } from '#checks/ping/settings';
import { summarise } from '#checks/ping/statistics';
import { judge } from '#checks/ping/verdict';

const unreachable = { kind: 'unreachable', message: 'host unreachable from 192.0.2.1' } as const;
const denied = { kind: 'denied', message: "this host's firewall denies" } as const;

test.each<[string, object, Partial<EchoReport> & { came: number }, string]>([
  ['everything came', {}, { came: 5 }, 'up'],
  ['some came, and that is enough', {}, { came: 1 }, 'up'],
  ['an error beside replies', {}, { came: 4, errors: [unreachable] }, 'up'],
  ['nothing came', {}, { came: 0 }, 'icmp_timeout: 5 of 5 packets lost, no reply within 1000 ms'],
  [
    'nothing came but an error',
    {},
    { came: 0, errors: [unreachable] },
    'icmp_unreachable: 5 of 5 packets lost: host unreachable from 192.0.2.1',
  ],
  ['as much loss as may be', { loss: { max: 0.2 } }, { came: 4 }, 'up'],
  [
    'more loss than may be',
    { loss: { max: 0.2 } },
    { came: 3 },
    'icmp_loss: 2 of 5 packets lost, expected at most 20 %',
  ],
  [
    'more loss than may be, with an error',
    { loss: { max: 0 } },
    { came: 4, errors: [unreachable] },
    'icmp_loss: 1 of 5 packets lost, expected at most 0 %: host unreachable from 192.0.2.1',
  ],
  ['no loss is too much', { loss: { max: 1 } }, { came: 0 }, 'up'],
  [
    'too slow',
    { rtt: { median: '5ms' } },
    { came: 5 },
    'too_slow: median round trip 10.000 ms, expected at most 5 ms',
  ],
  ['not too slow', { rtt: { median: '10ms' } }, { came: 5 }, 'up'],
  [
    "this host's firewall",
    {},
    { came: 0, errors: [unreachable, denied] },
    "egress_denied: this host's firewall denies",
  ],
  [
    'dropped by this host',
    {},
    { came: 0, overflowed: true },
    'agent_overloaded: 5 of 5 packets lost, but this host dropped replies that had arrived',
  ],
  ['dropped by this host, but not missed', {}, { came: 5, overflowed: true }, 'up'],
])('%s', (_, expectation, { came, errors = [], overflowed = false }, expected) => {
  const report: EchoReport = {
    sent: 5,
    replies: Array.from({ length: came }, () => ({ roundTripMs: 10, hopLimit: 64 })),
    duplicate: 0,
    late: 0,
    reordered: 0,
    corrupted: 0,
    errors,
    setupMs: 0,
    overflowed,
  };
  const trips = summarise(report.replies.map((reply) => reply.roundTripMs));
  const verdict = judge(report, trips, pingSettings.parse({ expect: expectation }));
  const text = verdict.status === 'up' ? 'up' : `${verdict.error}: ${verdict.message}`;
  expect(text).toBe(expected);
});

test('a run in which no packet had its turn says nothing of the target', () => {
  const report = { sent: 0, replies: [], duplicate: 0, late: 0, reordered: 0, corrupted: 0 };
  const verdict = judge(
    { ...report, errors: [], setupMs: 0, overflowed: false },
    undefined,
    pingSettings.parse({}),
  );
  expect(verdict).toMatchObject({ status: 'unknown', error: 'agent_overloaded' });
});
