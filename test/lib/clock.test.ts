import { EventEmitter } from 'node:events';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createSystemClock } from '#lib/clock';

const never = new AbortController().signal;

/** A clock over two hands that the test moves. */
function handHeld(): {
  system: { unixMs: number; monotonicMs: number };
  clock: ReturnType<typeof createSystemClock>;
} {
  const system = { unixMs: 1_700_000_000_000, monotonicMs: 5 };
  const clock = createSystemClock({
    unixMs: () => system.unixMs,
    monotonicMs: () => system.monotonicMs,
  });
  return { system, clock };
}

describe('wall time', () => {
  test('is the system clock while that is steady', () => {
    const { system, clock } = handHeld();
    system.unixMs += 250;
    system.monotonicMs += 250;
    expect(clock.unixMs()).toBe(1_700_000_000_250);
  });

  test('slews towards a system clock that was corrected, at a twentieth of the speed of time', () => {
    const { system, clock } = handHeld();
    system.unixMs += 1000 + 100;
    system.monotonicMs += 1000;
    expect(clock.unixMs()).toBe(1_700_000_001_050);
    system.unixMs += 1000;
    system.monotonicMs += 1000;
    expect(clock.unixMs()).toBe(1_700_000_002_100);
  });

  test('follows at once when the machine was suspended or its clock was far off', () => {
    for (const step of [3_600_000, -3_600_000]) {
      const { system, clock } = handHeld();
      system.unixMs += step;
      expect(clock.unixMs()).toBe(1_700_000_000_000 + step);
    }
  });

  test('never runs backwards, and keeps near, whatever small corrections come', () => {
    const moves = fc.array(
      fc.record({
        passMs: fc.double({ min: 0, max: 5000, noNaN: true }),
        stepMs: fc.integer({ min: -300, max: 300 }),
      }),
      { maxLength: 100 },
    );
    fc.assert(
      fc.property(moves, (all) => {
        const { system, clock } = handHeld();
        let last = clock.unixMs();
        for (const { passMs, stepMs } of all) {
          system.monotonicMs += passMs;
          system.unixMs += passMs + stepMs;
          const now = clock.unixMs();
          expect(now).toBeGreaterThanOrEqual(last);
          expect(now - last).toBeLessThanOrEqual(passMs * 1.051 + 1e-3);
          last = now;
        }
        system.unixMs += 1e6;
        system.monotonicMs += 1e6;
        expect(Math.abs(clock.unixMs() - system.unixMs)).toBeLessThan(1);
      }),
    );
  });
});

describe('sleep', () => {
  test('is never too short', async () => {
    const clock = createSystemClock();
    for (const ms of [0, 0.4, 5.6, 20]) {
      const startMs = clock.monotonicMs();
      await clock.sleep(ms, never);
      expect(clock.monotonicMs() - startMs).toBeGreaterThanOrEqual(ms);
    }
  });

  test('longer than a timer can be still waits, and ends when told to', async () => {
    const stop = new AbortController();
    const sleeping = createSystemClock().sleep(2 ** 33, stop.signal);
    const awake = sleeping.then(() => 'awake');
    const early = await Promise.race([awake, createSystemClock().sleep(20, never)]);
    expect(early).toBeUndefined();
    const reason = new Error('enough');
    stop.abort(reason);
    await expect(sleeping).rejects.toBe(reason);
  });

  test('rejects at once with the reason of a signal that has already aborted', async () => {
    const reason = new Error('too late');
    await expect(createSystemClock().sleep(10, AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  test('leaves no listener behind', async () => {
    const { signal } = new AbortController();
    const clock = createSystemClock();
    for (let count = 0; count < 50; count += 1) await clock.sleep(0.1, signal);
    expect(EventEmitter.getEventListeners(signal, 'abort')).toHaveLength(0);
  });
});
