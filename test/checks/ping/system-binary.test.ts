import { expect, test } from 'vitest';
import { parseOutput } from '#checks/ping/system-binary';
import { echoPlan } from '../../support/checks/echo-plan.ts';

const plan = echoPlan({ address: '192.0.2.1', count: 4 });

test('iputils: a duplicate, a swapped pair and a late reply', () => {
  const output = `PING 192.0.2.1 (192.0.2.1) 56(84) bytes of data.
64 bytes from 192.0.2.1: icmp_seq=2 ttl=57 time=11.5 ms
64 bytes from 192.0.2.1: icmp_seq=1 ttl=57 time=62.0 ms
64 bytes from 192.0.2.1: icmp_seq=1 ttl=57 time=63.0 ms (DUP!)
64 bytes from 192.0.2.1: icmp_seq=3 ttl=57 time=1100 ms

--- 192.0.2.1 ping statistics ---
4 packets transmitted, 3 received, +1 duplicates, 25% packet loss, time 3004ms
`;
  expect(parseOutput(output, plan)).toEqual({
    sent: 4,
    replies: [
      { roundTripMs: 62, hopLimit: 57 },
      { roundTripMs: 11.5, hopLimit: 57 },
    ],
    duplicate: 1,
    late: 1,
    reordered: 1,
    corrupted: 0,
    errors: [],
    setupMs: undefined,
    overflowed: false,
  });
});

test('iputils: errors of routers, with their addresses', () => {
  const output = `PING 2001:db8::9(2001:db8::9) 56 data bytes
From 2001:db8::1 icmp_seq=1 Destination unreachable: No route
From 2001:db8::1: icmp_seq=2 Time exceeded: Hop limit

--- 2001:db8::9 ping statistics ---
2 packets transmitted, 0 received, +2 errors, 100% packet loss, time 1001ms
`;
  expect(parseOutput(output, plan).errors).toEqual([
    { kind: 'unreachable', message: 'destination unreachable: no route from 2001:db8::1' },
    { kind: 'ttl_exceeded', message: 'time exceeded: hop limit from 2001:db8::1' },
  ]);
});

test('busybox: its own words', () => {
  const output = `PING 192.0.2.1 (192.0.2.1): 56 data bytes
64 bytes from 192.0.2.1: seq=0 ttl=64 time=0.123 ms
64 bytes from 192.0.2.1: seq=0 ttl=64 time=0.323 ms (DUP!)

--- 192.0.2.1 ping statistics ---
2 packets transmitted, 1 packets received, 1 duplicates, 50% packet loss
round-trip min/avg/max = 0.123/0.123/0.123 ms
`;
  expect(parseOutput(output, plan)).toMatchObject({
    sent: 2,
    replies: [{ roundTripMs: 0.123, hopLimit: 64 }],
    duplicate: 1,
  });
});
