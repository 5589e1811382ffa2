import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Burst } from '#checks/ping/engine/burst';
import { echoPlan } from '../../../support/checks/echo-plan.ts';

const payload = Uint8Array.from({ length: 32 }, (_, index) => index);
const ip = Uint8Array.of(127, 0, 0, 1);

test('whatever comes in whatever order, each packet counts once', () => {
  const replies = fc.array(fc.record({ index: fc.nat(9), roundTripMs: fc.integer({ max: 1500 }) }));
  fc.assert(
    fc.property(replies, (arrivals) => {
      const burst = sent(10);
      const seen = { answered: new Set<number>(), duplicate: 0, late: 0, reordered: 0 };
      for (const { index, roundTripMs } of arrivals) {
        const ms = Math.abs(roundTripMs);
        if (seen.answered.has(index)) seen.duplicate++;
        else if (burst.isOver || ms > 1000) seen.late++;
        else {
          if (index < Math.max(-1, ...seen.answered)) seen.reordered++;
          seen.answered.add(index);
        }
        burst.replied(index, { nowMs: 5000, stampMs: ms, hopLimit: 64 });
      }
      const report = burst.report(5000, 0);
      expect(report).toMatchObject({
        sent: 10,
        duplicate: seen.duplicate,
        late: seen.late,
        reordered: seen.reordered,
      });
      expect(report.replies).toHaveLength(seen.answered.size);
    }),
  );
});

test('is over when every packet has its reply, and counts what follows with the next run', () => {
  const plan = echoPlan({ count: 1 });
  const burst = new Burst(plan, ip, payload);
  burst.sent(0, 0);
  burst.replied(0, { nowMs: 5, stampMs: 2, hopLimit: 64 });
  expect(burst.isOver).toBe(true);
  expect(burst.report(5, 0)).toMatchObject({ sent: 1, duplicate: 0 });
  burst.replied(0, { nowMs: 9, stampMs: 3, hopLimit: 64 });
  burst.corrupted();
  const next = new Burst(plan, ip, payload);
  expect(next.report(10, 0)).toMatchObject({ duplicate: 1, corrupted: 1 });
  expect(next.report(10, 0)).toMatchObject({ duplicate: 0, corrupted: 0 });
});

describe('a run that is cut short', () => {
  test('does not count packets that had no time to come back', () => {
    const burst = new Burst(echoPlan({ count: 3 }), ip, payload);
    for (const sentMs of [0, 500, 1900]) burst.sent(sentMs, sentMs);
    burst.replied(1, { nowMs: 600, stampMs: 520, hopLimit: 64 });
    burst.end();
    expect(burst.report(2000, 0)).toMatchObject({ sent: 2, replies: [{ roundTripMs: 20 }] });
  });

  test('counts them when nothing else is known', () => {
    const burst = new Burst(echoPlan({ count: 3 }), ip, payload);
    burst.sent(0, 0);
    burst.end();
    expect(burst.report(500, 0)).toMatchObject({ sent: 1, replies: [] });
  });
});

describe('the wall clock is set while a packet is under way', () => {
  test.each([
    ['back by a day', -86_400_000],
    ['forward by a minute', 60_000],
    ['back by less than the round trip', -5],
  ])('%s', (_, stepMs) => {
    const burst = new Burst(echoPlan({ count: 2 }), ip, payload);
    burst.sent(0, 1000);
    burst.sent(0, 1000);
    burst.clockStepped(stepMs);
    burst.replied(0, { nowMs: 30, stampMs: 1000 + stepMs + 20, hopLimit: 64 });
    expect(burst.report(30, 0).replies).toEqual([{ roundTripMs: 20, hopLimit: 64 }]);
  });

  test.each([
    ['back', -86_400_000],
    ['forward', 60_000],
  ])('%s, and the reply was stamped before that', (_, stepMs) => {
    const burst = new Burst(echoPlan({ count: 1 }), ip, payload);
    burst.sent(0, 1000);
    burst.clockStepped(stepMs);
    burst.replied(0, { nowMs: 30, stampMs: 1020, hopLimit: 64 });
    expect(burst.report(30, 0).replies).toEqual([{ roundTripMs: 20, hopLimit: 64 }]);
  });
});

test("the kernel's stamp of leaving counts, not when the packet was handed to it", () => {
  const burst = new Burst(echoPlan({ count: 1 }), ip, payload);
  burst.sent(0, 0);
  burst.left(0, 7);
  burst.replied(0, { nowMs: 30, stampMs: 10, hopLimit: undefined });
  expect(burst.report(30, 0).replies).toEqual([{ roundTripMs: 3, hopLimit: undefined }]);
});

describe('compares what came back', () => {
  test.each([
    ['the same', payload, 'ours'],
    ['a byte of the nonce turned over', payload.with(3, 99), 'corrupted'],
    ['a byte behind it turned over', payload.with(30, 99), 'corrupted'],
    ['the end cut off', payload.subarray(0, 20), 'corrupted'],
    ['more than was sent', Uint8Array.of(...payload, 1), 'corrupted'],
    ['another nonce and another rest', payload.map((byte) => ~byte), 'foreign'],
    ['nothing', new Uint8Array(), 'corrupted'],
  ] as const)('%s', (_, bytes, verdict) => {
    const around = Uint8Array.of(7, 7, ...bytes, 7);
    const burst = new Burst(echoPlan(), ip, payload);
    expect(burst.compare(around, 2, 2 + bytes.length)).toBe(verdict);
  });
});

function sent(count: number): Burst {
  const burst = new Burst(echoPlan({ count }), ip, payload);
  for (let index = 0; index < count; index++) burst.sent(0, 0);
  return burst;
}
