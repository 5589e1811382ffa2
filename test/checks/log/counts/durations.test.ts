import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  exportedBounds,
  exportedCounts,
  fineBounds,
  fineBucket,
  fineCount,
  quantileMs,
} from '#checks/log/counts/durations';

const durations = fc.array(
  fc.oneof(fc.nat(100), fc.nat(700_000), fc.double({ min: 0, max: 2e6, noNaN: true })),
  { minLength: 1 },
);

describe('durations', () => {
  it('fall into the exported buckets that their own values belong to', () => {
    fc.assert(
      fc.property(durations, (values) => {
        const expected = exportedBounds.map(
          (bound) => values.filter((ms) => Math.ceil(ms) <= bound * 1000).length,
        );
        const counts = exportedCounts(tally(values));
        expect(cumulated(counts)).toEqual([...expected, values.length]);
      }),
    );
  });

  it('have quantiles within a bucket of the exact ones', () => {
    fc.assert(
      fc.property(durations, fc.constantFrom(0.5, 0.95, 0.99), (values, quantile) => {
        const sorted = values.map((ms) => Math.ceil(ms)).sort((a, b) => a - b);
        const exact = Math.min(
          sorted[Math.ceil(quantile * sorted.length) - 1] ?? 0,
          fineBounds.at(-1) ?? 0,
        );
        const bucket = fineBucket(exact);
        const found = quantileMs(tally(values), quantile) ?? Number.NaN;
        expect(found).toBeGreaterThanOrEqual(fineBounds[bucket - 1] ?? 0);
        expect(found).toBeLessThanOrEqual(fineBounds[bucket] ?? 0);
      }),
    );
  });

  it('are in buckets of at most 5 % or 1 ms', () => {
    for (const [index, bound] of fineBounds.entries()) {
      const previous = fineBounds[index - 1] ?? 0;
      expect(bound - previous).toBeLessThanOrEqual(Math.max(1, previous * 0.05));
    }
  });

  it('have no quantile where there are none', () => {
    expect(quantileMs(new Uint32Array(fineCount), 0.5)).toBeUndefined();
  });
});

function tally(values: readonly number[]): Uint32Array {
  const counts = new Uint32Array(fineCount);
  for (const ms of values) counts[fineBucket(ms)] = (counts[fineBucket(ms)] ?? 0) + 1;
  return counts;
}

function cumulated(counts: readonly number[]): number[] {
  let sum = 0;
  return counts.map((count) => (sum += count));
}
