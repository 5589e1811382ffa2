import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { BackOff } from '#lib/back-off';

const almostOne = 1 - Number.EPSILON;

test('the interval doubles from the initial one up to the cap, and stays there', () => {
  const backOff = new BackOff({ initialMs: 100, maxMs: 500, random: () => almostOne });
  const delays = Array.from({ length: 5 }, () => Math.round(backOff.next()));
  expect(delays).toEqual([100, 200, 400, 500, 500]);
});

test('the jitter is full: a delay may lie anywhere below the interval', () => {
  const values = [0, 0.5, 0.25];
  const backOff = new BackOff({ initialMs: 100, maxMs: 1000, random: () => values.shift() ?? 0 });
  expect([backOff.next(), backOff.next(), backOff.next()]).toEqual([0, 100, 100]);
});

test('reset starts over from the initial interval', () => {
  const backOff = new BackOff({ initialMs: 100, maxMs: 500, random: () => 0.5 });
  backOff.next();
  backOff.next();
  backOff.reset();
  expect(backOff.next()).toBe(50);
});

test('a floor is honoured even beyond the cap, and keeps its jitter', () => {
  const backOff = new BackOff({ initialMs: 100, maxMs: 500, random: () => 0.5 });
  expect(backOff.next(3_600_000)).toBe(3_600_050);
  expect(backOff.next(-1)).toBe(100);
});

test('an initial interval above the cap is capped too', () => {
  const backOff = new BackOff({ initialMs: 1000, maxMs: 500, random: () => almostOne });
  expect(Math.round(backOff.next())).toBe(500);
});

test('every delay lies within [floor, floor + cap), however many tries', () => {
  fc.assert(
    fc.property(
      fc.record({
        initialMs: fc.integer({ min: 1, max: 10_000 }),
        maxMs: fc.integer({ min: 1, max: 600_000 }),
        floorMs: fc.integer({ min: 0, max: 3_600_000 }),
        tries: fc.integer({ min: 1, max: 100 }),
      }),
      fc.infiniteStream(fc.double({ min: 0, max: almostOne, noNaN: true })),
      ({ initialMs, maxMs, floorMs, tries }, stream) => {
        const backOff = new BackOff({ initialMs, maxMs, random: () => stream.next().value ?? 0 });
        for (let tried = 0; tried < tries; tried += 1) {
          const delayMs = backOff.next(floorMs);
          expect(delayMs).toBeGreaterThanOrEqual(floorMs);
          expect(delayMs).toBeLessThanOrEqual(floorMs + maxMs);
        }
      },
    ),
  );
});
