/**
 * Durations are counted in fine buckets, each at most 5 % (or 1 ms) wide, so that quantiles of any
 * window can be read from them; the coarser buckets of the exported histogram are sums of fine ones.
 */

/** Upper bounds of the exported histograms, in seconds. */
export const exportedBounds = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60,
];

/** Upper bounds of the fine buckets, in milliseconds; one more bucket is unbounded. */
export const fineBounds = makeFineBounds();
export const fineCount = fineBounds.length + 1;

const tabulated = 16_384;
const bucketOfMs = tabulate();

/** The fine bucket of a duration; bounds are whole milliseconds, so the next whole one decides. */
export function fineBucket(durationMs: number): number {
  const ms = Math.ceil(durationMs);
  if (ms < tabulated) return bucketOfMs[ms < 0 ? 0 : ms] ?? 0;
  let bucket = bucketOfMs[tabulated - 1] ?? 0;
  while (bucket < fineBounds.length && ms > (fineBounds[bucket] ?? 0)) bucket++;
  return bucket;
}

/** How many fell into each exported bucket. */
export function exportedCounts(fine: ArrayLike<number>): number[] {
  const counts = Array.from({ length: exportedBounds.length + 1 }, () => 0);
  let coarse = 0;
  for (let bucket = 0; bucket < fineCount; bucket++) {
    const bound = fineBounds[bucket] ?? Number.POSITIVE_INFINITY;
    while (bound > (exportedBounds[coarse] ?? Number.POSITIVE_INFINITY) * 1000) coarse++;
    counts[coarse] = (counts[coarse] ?? 0) + (fine[bucket] ?? 0);
  }
  return counts;
}

/** The duration in milliseconds below which the share `quantile` lies, interpolated within its bucket. */
export function quantileMs(fine: ArrayLike<number>, quantile: number): number | undefined {
  let total = 0;
  for (let bucket = 0; bucket < fineCount; bucket++) total += fine[bucket] ?? 0;
  if (total === 0) return undefined;
  let rank = quantile * total;
  for (let bucket = 0; bucket < fineBounds.length; bucket++) {
    const count = fine[bucket] ?? 0;
    const lower = fineBounds[bucket - 1] ?? 0;
    if (count > 0 && rank <= count)
      return lower + ((fineBounds[bucket] ?? 0) - lower) * (rank / count);
    rank -= count;
  }
  return fineBounds.at(-1);
}

function makeFineBounds(): readonly number[] {
  const bounds = new Set(exportedBounds.map((seconds) => seconds * 1000));
  for (let ms = 1; ms < 600_000; ms = Math.max(ms + 1, Math.floor(ms * 1.05))) bounds.add(ms);
  return [...bounds].sort((a, b) => a - b);
}

function tabulate(): Uint8Array {
  const table = new Uint8Array(tabulated);
  let bucket = 0;
  for (let ms = 0; ms < tabulated; ms++) {
    if (ms > (fineBounds[bucket] ?? Number.POSITIVE_INFINITY)) bucket++;
    table[ms] = bucket;
  }
  return table;
}
