import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Jitter, summarise } from '#checks/ping/statistics';

const roundTrips = fc.array(fc.double({ min: 0, max: 10_000, noNaN: true }), { minLength: 1 });

test('no round trip has no statistics', () => {
  expect(summarise([])).toBeUndefined();
});

test.each([
  [[4], { minMs: 4, medianMs: 4, meanMs: 4, maxMs: 4, standardDeviationMs: 0 }],
  [[8, 2], { minMs: 2, medianMs: 5, meanMs: 5, maxMs: 8, standardDeviationMs: 3 }],
  [
    [9, 1, 2],
    { minMs: 1, medianMs: 2, meanMs: 4, maxMs: 9, standardDeviationMs: Math.sqrt(38 / 3) },
  ],
])('%j', (roundTripsMs, expected) => {
  expect(summarise(roundTripsMs)).toEqual(expected);
});

test('least, middle and most are in order, whatever the order of arrival', () => {
  fc.assert(
    fc.property(roundTrips, (roundTripsMs) => {
      const summary = summarise(roundTripsMs);
      expect(summary).toEqual(summarise(roundTripsMs.toSorted((a, b) => b - a)));
      const { minMs = 0, medianMs = 0, maxMs = 0 } = summary ?? {};
      expect(minMs).toBeLessThanOrEqual(medianMs);
      expect(medianMs).toBeLessThanOrEqual(maxMs);
      const below = roundTripsMs.filter((ms) => ms <= medianMs).length;
      expect(below).toBeGreaterThanOrEqual(roundTripsMs.length / 2);
    }),
  );
});

test('jitter starts at the mean of the first differences, then follows RFC 3550', () => {
  const jitter = new Jitter();
  expect(jitter.add([])).toBeUndefined();
  expect(jitter.add([9])).toBeUndefined();
  expect(jitter.add([10, 14, 12])).toBe((1 + 4 + 2) / 3);
});

test('jitter goes on from run to run, and is not given when nothing came back', () => {
  const jitter = new Jitter();
  expect(jitter.add([10, 13])).toBe(3);
  expect(jitter.add([])).toBeUndefined();
  expect(jitter.add([32])).toBe(3 + (19 - 3) / 16);
  expect(jitter.add([28])).toBe(4);
});
