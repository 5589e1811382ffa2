import type { Measurement, MetricDeclaration } from '../observation.ts';
import type { MetricPoint } from '../otlp/model.ts';
import { type Origin, toNano } from './subject.ts';
import { type Counter, type Series, toSeries } from './series.ts';

export function gaugePoint(origin: Origin, gauge: Measurement): MetricPoint {
  const { description } = gauge.metric;
  return { ...endPoint(origin, toSeries(gauge)), description, value: Number(gauge.value) };
}

export function counterPoint(
  origin: Origin,
  counter: Counter,
  declarations: readonly MetricDeclaration[],
): MetricPoint {
  const { name, startUnixMs, buckets: bounds = [], value } = counter;
  return {
    ...endPoint(origin, counter),
    description: declarations.find((metric) => metric.name === name)?.description ?? '',
    startUnixNano: toNano(startUnixMs),
    value: typeof value === 'number' ? value : { bounds, ...value },
  };
}

/** A staleness marker: the series has no value from here on. */
export function endPoint(
  { resource, identity, timeUnixNano }: Origin,
  series: Series,
): MetricPoint {
  const { name, unit, kind, attributes } = series;
  return {
    resource,
    name,
    unit,
    description: '',
    kind: kind === 'counter' ? 'sum' : kind,
    monotonic: kind !== 'gauge',
    // Identity comes last, so that no attribute can pose as another check, region or agent.
    attributes: { ...attributes, ...identity },
    startUnixNano: 0n,
    timeUnixNano,
    value: undefined,
  };
}
