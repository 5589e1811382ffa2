/** What a set of round trips, in the order their packets were sent, has in common; in milliseconds. */
export interface RoundTrips {
  readonly min: number;
  readonly median: number;
  readonly mean: number;
  readonly max: number;
  /** Of the population, as blackbox-compatible agents and ping give it. */
  readonly standardDeviation: number;
  /** Smoothed difference between neighbours (RFC 3550, 6.4.1); undefined with a single round trip. */
  readonly jitter: number | undefined;
}

/** Undefined when there is none. */
export function summarise(roundTripsMs: readonly number[]): RoundTrips | undefined {
  if (roundTripsMs.length === 0) return undefined;
  const sorted = roundTripsMs.toSorted((a, b) => a - b);
  const mean = sum(sorted) / sorted.length;
  const variance = sum(sorted.map((value) => (value - mean) ** 2)) / sorted.length;
  return {
    min: sorted.at(0) ?? Number.NaN,
    median: median(sorted),
    mean,
    max: sorted.at(-1) ?? Number.NaN,
    standardDeviation: Math.sqrt(variance),
    jitter: jitter(roundTripsMs),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function median(sorted: readonly number[]): number {
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN;
  return (lower + upper) / 2;
}

/** The difference of two transits in RFC 3550 equals that of two round trips: the clocks cancel out. */
function jitter(roundTripsMs: readonly number[]): number | undefined {
  if (roundTripsMs.length < 2) return undefined;
  let smoothed = 0;
  for (let index = 1; index < roundTripsMs.length; index++) {
    const difference = Math.abs((roundTripsMs[index] ?? 0) - (roundTripsMs[index - 1] ?? 0));
    smoothed += (difference - smoothed) / 16;
  }
  return smoothed;
}
