import { isDeepStrictEqual } from 'node:util';
import type { HistogramIncrement, Measurement, MetricDeclaration } from '../observation.ts';

/** Names one series of a target. */
export interface Series {
  readonly name: string;
  readonly unit: string;
  readonly kind: MetricDeclaration['kind'];
  readonly attributes: Readonly<Record<string, string>>;
}

/** A counter's or histogram's sum of all increments since its start. */
export interface Counter extends Series {
  readonly startUnixMs: number;
  readonly value: number | HistogramIncrement;
  /** Upper bounds of a histogram's buckets; absent for a plain counter. */
  readonly buckets?: readonly number[];
}

/** Whether a value is of its metric's kind, finite, and not counting backwards. */
export function isSound({ metric, value }: Measurement): boolean {
  if (metric.kind === 'gauge') return Number.isFinite(value);
  if (metric.kind === 'counter') return isIncrement(value);
  return (
    typeof value === 'object' &&
    value.counts.length === (metric.buckets ?? []).length + 1 &&
    [value.count, ...value.counts].every(isIncrement) &&
    Number.isFinite(value.sum)
  );
}

function isIncrement(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

/** Of several values for one series the last one holds. */
export function gaugesOf(measurements: readonly Measurement[]): Map<string, Measurement> {
  const gauges = measurements.filter(({ metric }) => metric.kind === 'gauge');
  return new Map(gauges.map((gauge) => [keyOf(toSeries(gauge)), gauge]));
}

/** The known counters that are still declared, with what was gained added, and the new ones. */
export function accumulate(
  known: readonly Counter[],
  measurements: readonly Measurement[],
  declarations: readonly MetricDeclaration[],
  unixMs: number,
): readonly Counter[] {
  const declared = new Map(declarations.map((metric) => [metric.name, metric]));
  const alive = known.filter((counter) => continues(counter, declared.get(counter.name)));
  const counters = new Map(alive.map((counter) => [keyOf(counter), counter]));
  for (const measurement of measurements) {
    if (measurement.metric.kind === 'gauge') continue;
    const series = toSeries(measurement);
    const before = counters.get(keyOf(series)) ?? startCounter(series, measurement.metric, unixMs);
    counters.set(keyOf(series), { ...before, value: add(before.value, measurement.value) });
  }
  return [...counters.values()];
}

/** A metric that is declared otherwise than before starts anew. */
function continues(
  { kind, unit, buckets }: Counter,
  metric: MetricDeclaration | undefined,
): boolean {
  return (
    metric?.kind === kind && metric.unit === unit && isDeepStrictEqual(metric.buckets, buckets)
  );
}

/** Starts a millisecond before its first point: an interval of no length would hide the first increment. */
function startCounter(series: Series, metric: MetricDeclaration, unixMs: number): Counter {
  const startUnixMs = unixMs - 1;
  if (metric.kind === 'counter') return { ...series, startUnixMs, value: 0 };
  const buckets = metric.buckets ?? [];
  const counts = Array.from({ length: buckets.length + 1 }, () => 0);
  return { ...series, startUnixMs, buckets, value: { counts, sum: 0, count: 0 } };
}

function add(
  before: number | HistogramIncrement,
  gained: number | HistogramIncrement,
): number | HistogramIncrement {
  if (typeof before === 'number' || typeof gained === 'number') {
    return Number(before) + Number(gained);
  }
  return {
    counts: before.counts.map((count, index) => count + (gained.counts[index] ?? 0)),
    sum: before.sum + gained.sum,
    count: before.count + gained.count,
  };
}

export function toSeries({ metric, attributes = {} }: Measurement): Series {
  return { name: metric.name, unit: metric.unit, kind: metric.kind, attributes };
}

export function keyOf({ name, attributes }: Series): string {
  const sorted = Object.entries(attributes).sort(([left], [right]) => (left < right ? -1 : 1));
  return JSON.stringify([name, sorted]);
}
