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
 * starts at the mean of the first run.
 */
export class Jitter {
  #smoothedMs: number | undefined;

  /** Takes the round trips of a run in the order they were sent; undefined until two were seen together. */
  add(roundTripsMs: readonly number[]): number | undefined {
    const differences = roundTripsMs
      .slice(1)
      .map((roundTripMs, index) => Math.abs(roundTripMs - (roundTripsMs[index] ?? roundTripMs)));
    if (differences.length === 0) return this.#smoothedMs;
    this.#smoothedMs =
      this.#smoothedMs === undefined
        ? sum(differences) / differences.length
        : differences.reduce((smoothed, ms) => smoothed + (ms - smoothed) / 16, this.#smoothedMs);
    return this.#smoothedMs;
  }
}
