/** What a set of round trips has in common. */
export interface RoundTrips {
  readonly minMs: number;
  readonly medianMs: number;
  readonly meanMs: number;
  readonly maxMs: number;
  /** Of the population, as ping gives it. */
  readonly standardDeviationMs: number;
}

/** Undefined when there is none. */
export function summarise(roundTripsMs: readonly number[]): RoundTrips | undefined {
  const sorted = roundTripsMs.toSorted((a, b) => a - b);
  const [minMs] = sorted;
  const maxMs = sorted.at(-1);
  if (minMs === undefined || maxMs === undefined) return undefined;
  const meanMs = sum(sorted) / sorted.length;
  const variance = sum(sorted.map((ms) => (ms - meanMs) ** 2)) / sorted.length;
  const standardDeviationMs = Math.sqrt(variance);
  return { minMs, medianMs: median(sorted), meanMs, maxMs, standardDeviationMs };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function median(sorted: readonly number[]): number {
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN;
  return (lower + upper) / 2;
}

/**
 * The interarrival jitter of RFC 3550 (6.4.1): the difference of one round trip to the next, smoothed
 * over all runs of a check. (The difference of two transits there equals that of two round trips: the
 * clocks cancel out.) The RFC starts at zero and takes some fifty packets to get near the truth; this
 * starts at the mean of the first differences.
 */
export class Jitter {
  #lastMs: number | undefined;
  #smoothedMs: number | undefined;

  /** Takes the round trips of a run in the order they were sent; undefined while there is no difference. */
  add(roundTripsMs: readonly number[]): number | undefined {
    if (roundTripsMs.length === 0) return undefined;
    const all = this.#lastMs === undefined ? roundTripsMs : [this.#lastMs, ...roundTripsMs];
    const differences = all.slice(1).map((ms, index) => Math.abs(ms - (all[index] ?? ms)));
    this.#lastMs = roundTripsMs.at(-1);
    if (this.#smoothedMs !== undefined) {
      this.#smoothedMs = differences.reduce(smooth, this.#smoothedMs);
    } else if (differences.length > 0) {
      this.#smoothedMs = sum(differences) / differences.length;
    }
    return this.#smoothedMs;
  }
}

function smooth(smoothedMs: number, differenceMs: number): number {
  return smoothedMs + (differenceMs - smoothedMs) / 16;
}
