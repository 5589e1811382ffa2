import type { Outcome } from '../line-scanner.ts';

export interface RequestGain {
  readonly route: string;
  readonly method: string;
  readonly statusClass: string;
  readonly requests: number;
  readonly sentBytes: number;
}

export interface DurationGain {
  readonly route: string;
  /** By exported bucket. */
  readonly counts: readonly number[];
  readonly sumMs: number;
}

/** How many different texts there were; not `complete` means at least so many. */
export interface DistinctCount {
  readonly count: number;
  readonly complete: boolean;
}

/** What the lines of one run add up to. */
export interface RunGains {
  readonly lines: Readonly<Record<Outcome, number>>;
  readonly bytes: Readonly<Record<Outcome, number>>;
  readonly requests: readonly RequestGain[];
  readonly durations: readonly DurationGain[];
  readonly upstreams: readonly DurationGain[];
  readonly clients: DistinctCount;
  readonly connections: DistinctCount;
  /** In the order of the settings. */
  readonly values: readonly ValueGain[];
}

/** What the numbers of one field come to. */
export interface ValueGain {
  readonly count: number;
  readonly sum: number;
  /** The last one; undefined where there was none. */
  readonly last: number | undefined;
  /** By bucket of a histogram. */
  readonly counts: readonly number[];
}

/** What was different in the lines of the window. */
export interface RecentCounts {
  readonly clients: DistinctCount;
  readonly connections: DistinctCount;
}
