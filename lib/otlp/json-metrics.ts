import { AttributeBuilder } from './attributes.ts';
import {
  booleanOf,
  doubleOf,
  integerOf,
  type JsonObject,
  listOf,
  nanosecondsOf,
  objectOf,
  readJsonAttributes,
  smallIntegerOf,
  textOf,
} from './json.ts';
import { readJsonRequest } from './json-request.ts';
import type { DecodeLimits } from './limits.ts';
import {
  type AcceptedHeader,
  type DecodedMetrics,
  type MetricHeader,
  MetricsBuilder,
} from './metrics-builder.ts';
import type { HistogramValue } from './model.ts';

/** Decodes an ExportMetricsServiceRequest in JSON; the promises are those of `decodeMetrics`. */
export function decodeMetricsJson(bytes: Uint8Array, limits: DecodeLimits): DecodedMetrics {
  const builder = new MetricsBuilder(limits);
  const names = { resources: 'resourceMetrics', scopes: 'scopeMetrics', items: 'metrics' };
  readJsonRequest(bytes, { names, builder }, (metric) => readMetric(metric, builder));
  return builder.finish();
}

/** The members of Metric's `data` oneof, and the kind each has in the flat model. */
const kinds = {
  gauge: 'gauge',
  sum: 'sum',
  histogram: 'histogram',
  exponentialHistogram: undefined,
  summary: undefined,
} as const satisfies Record<string, MetricHeader['kind']>;

function readMetric(metric: JsonObject, builder: MetricsBuilder): void {
  for (const [member, kind] of Object.entries(kinds)) {
    const data = objectOf(metric[member], member);
    const points = listOf(data['dataPoints'], 'dataPoints');
    const header: MetricHeader = {
      name: textOf(metric['name'], 'name'),
      unit: textOf(metric['unit'], 'unit'),
      description: textOf(metric['description'], 'description'),
      kind,
      monotonic: booleanOf(data['isMonotonic'], 'isMonotonic'),
      temporality: smallIntegerOf(data['aggregationTemporality'], 'aggregationTemporality'),
    };
    if (!builder.accepts(header, points.length)) continue;
    for (const point of points) readPoint(objectOf(point, 'dataPoint'), header, builder);
  }
}

function readPoint(point: JsonObject, metric: AcceptedHeader, builder: MetricsBuilder): void {
  const attributes = new AttributeBuilder(builder.limits);
  readJsonAttributes(point['attributes'], attributes);
  builder.add(metric, {
    attributes,
    startUnixNano: nanosecondsOf(point['startTimeUnixNano'], 'startTimeUnixNano'),
    timeUnixNano: nanosecondsOf(point['timeUnixNano'], 'timeUnixNano'),
    flags: smallIntegerOf(point['flags'], 'flags'),
    value: metric.kind === 'histogram' ? histogramOf(point) : numberOf(point),
  });
}

function numberOf(point: JsonObject): number | undefined {
  const integer = integerOf(point['asInt'], 'asInt');
  return integer === undefined ? doubleOf(point['asDouble'], 'asDouble') : Number(integer);
}

function histogramOf(point: JsonObject): HistogramValue {
  return {
    bounds: listOf(point['explicitBounds'], 'explicitBounds').map(
      (bound) => doubleOf(bound, 'explicitBounds') ?? Number.NaN,
    ),
    counts: listOf(point['bucketCounts'], 'bucketCounts').map((count) => countOf(count)),
    count: countOf(point['count']),
    sum: doubleOf(point['sum'], 'sum'),
  };
}

function countOf(value: unknown): number {
  return Number(integerOf(value, 'count') ?? 0n);
}
