import type { DownError, UnknownError } from './error-type.ts';

/** What one run says of its target. Down and unknown always say why, in a type and in a sentence. */
export type Verdict =
  | { readonly status: 'up' }
  | { readonly status: 'down'; readonly error: DownError; readonly message: string }
  | { readonly status: 'unknown'; readonly error: UnknownError; readonly message: string };

/** Declares one metric, once, in the file that emits it: documentation and golden files come from it. */
export interface MetricDeclaration {
  /** Dotted OTLP name without unit, for example `probe.http.duration`. */
  readonly name: string;
  /** UCUM unit (`s`, `By`, `{packet}`), or empty for a bare number. */
  readonly unit: string;
  readonly kind: 'gauge' | 'counter' | 'histogram';
  readonly description: string;
  /** Names of the attributes a measurement of it may carry, beside the identity every point has. */
  readonly attributes?: readonly string[];
  /** Upper bounds of a histogram's buckets, ascending; the last, unbounded bucket is implied. */
  readonly buckets?: readonly number[];
}

/** What a histogram gained during one run; `counts` has one more entry than the metric's buckets. */
export interface HistogramIncrement {
  readonly counts: readonly number[];
  readonly sum: number;
  readonly count: number;
}

/**
 * One value seen by a run. A gauge's value is absolute. Values of counters and histograms are what
 * was gained since the previous run: the agent adds them up durably, so that a restart neither
 * loses nor repeats any.
 */
export interface Measurement {
  readonly metric: MetricDeclaration;
  readonly value: number | HistogramIncrement;
  readonly attributes?: Readonly<Record<string, string>>;
}

/** Facts that explain a verdict to a person (address, header, certificate). Never become labels. */
export type Evidence = Readonly<Record<string, string | number | boolean>>;

/** Everything one run of a check found out. */
export interface Observation {
  readonly verdict: Verdict;
  readonly measurements: readonly Measurement[];
  /**
   * How long the target took, when the check knows better than whoever runs it: without what the
   * check does before it starts or after it has its answer. It is the sum of the phases.
   */
  readonly durationMs?: number;
  /**
   * Says that what was measured is not of this process' own time (the kernel stamped the packets), so
   * that a standstill of this process explains no failure. False where absent.
   */
  readonly isTimedOutside?: boolean;
  readonly evidence?: Evidence;
  /** The address this run talked to last, or tried to; absent where it came to none or needs none. */
  readonly peer?: string;
  /**
   * What the check wants to know at its next run (a log position). Plain JSON; written to disk in the
   * same record as the measurements it explains, or not at all. Absent: the state stays as it was.
   */
  readonly state?: unknown;
}

/** Declares a metric whose values are absolute, the newest being the one that counts. */
export function gauge(
  name: string,
  unit: string,
  rest: Pick<MetricDeclaration, 'description' | 'attributes'>,
): MetricDeclaration {
  return { name, unit, kind: 'gauge', ...rest };
}
