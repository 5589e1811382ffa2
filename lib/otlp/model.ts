/** OTLP metrics and logs as flat values: one object a data point or log record, nothing nested. */

/** Attribute values; arrays and maps of OTLP are kept as their JSON text. */
export type AttributeValue = string | number | bigint | boolean;
export type Attributes = Readonly<Record<string, AttributeValue>>;

export interface HistogramValue {
  /** Ascending upper bounds; the last bucket is unbounded. */
  readonly bounds: readonly number[];
  /** Not cumulative over buckets; one longer than `bounds`. */
  readonly counts: readonly number[];
  readonly count: number;
  readonly sum: number | undefined;
}

/** One data point with everything needed to name its series. */
export interface MetricPoint {
  readonly resource: Attributes;
  readonly name: string;
  readonly unit: string;
  readonly description: string;
  readonly kind: 'gauge' | 'sum' | 'histogram';
  /** Sums and histograms only count upwards from `startUnixNano`; always true for histograms. */
  readonly monotonic: boolean;
  readonly attributes: Attributes;
  /** 0n when absent. */
  readonly startUnixNano: bigint;
  readonly timeUnixNano: bigint;
  /** `undefined` with the flag NO_RECORDED_VALUE set: the series ends here (a staleness marker). */
  readonly value: number | HistogramValue | undefined;
}

export interface LogRecord {
  readonly resource: Attributes;
  readonly timeUnixNano: bigint;
  /** 9 info, 13 warning, 17 error (OTLP's severity numbers). */
  readonly severityNumber: number;
  readonly severityText: string;
  readonly body: string;
  readonly attributes: Attributes;
}
