/**
 * Decoding speed: data points a second of one core, in requests of 200 points (120 gauges, 60
 * counters, 20 histograms of 12 buckets, 6 attributes each), beside JSON.parse alone, which leaves
 * a tree still to be converted. Rounds are interleaved, medians reported.
 *
 *     node test/bench/otlp.ts [ROUNDS]
 */
import { decodeMetricsJson } from '#lib/otlp/json-metrics';
import { decodeMetrics, encodeMetrics } from '#lib/otlp/metrics';
import type { MetricPoint } from '#lib/otlp/model';

const rounds = Number(process.argv[2] ?? 5);
const roundMs = 400;
const requestCount = 50;
const limits = { items: 100_000, attributes: 32, name: 256, value: 4096, buckets: 100 };

const points = Array.from({ length: requestCount }, (_, index) => request(index));
const protobuf = points.map((request) => encodeMetrics(request));
const json = points.map((request) => Buffer.from(JSON.stringify(asJson(request))));

const contestants = {
  'JSON.parse': (index: number) => JSON.parse(json[index]?.toString() ?? '') as unknown,
  decodeMetricsJson: (index: number) => decodeMetricsJson(json[index] ?? Buffer.of(), limits),
  decodeMetrics: (index: number) => decodeMetrics(protobuf[index] ?? Buffer.of(), limits),
  encodeMetrics: (index: number) => encodeMetrics(points[index] ?? []),
};

const rates = new Map<string, number[]>();
for (let round = 0; round <= rounds; round += 1) {
  for (const [name, run] of Object.entries(contestants)) {
    const rate = measure(run);
    if (round > 0) rates.set(name, [...(rates.get(name) ?? []), rate]);
  }
}
const baseline = median(rates.get('JSON.parse') ?? []);
console.log(`request: ${protobuf[0]?.length} bytes protobuf, ${json[0]?.length} bytes JSON`);
for (const [name, measured] of rates) {
  const rate = median(measured);
  console.log(
    `${name.padEnd(18)} ${(rate / 1000).toFixed(0).padStart(6)}k points/s  ${(rate / baseline).toFixed(2)}x`,
  );
}

function measure(run: (index: number) => unknown): number {
  const begun = process.cpuUsage();
  const until = performance.now() + roundMs;
  let requests = 0;
  while (performance.now() < until) {
    run(requests % requestCount);
    requests += 1;
  }
  const used = process.cpuUsage(begun);
  return (requests * 200 * 1e6) / (used.user + used.system);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function request(index: number): MetricPoint[] {
  const resource = {
    'service.name': 'clowder',
    'service.instance.id': `https://service-${index}.example.com`,
  };
  const timeUnixNano = 1_750_000_000_123_456_789n + BigInt(index) * 1_000_000n;
  const common = {
    resource,
    unit: 's',
    description: 'How long it took',
    startUnixNano: 1_750_000_000_000_000_000n,
    timeUnixNano,
  };
  const attributes = (check: number) => ({
    check: `check-${check}`,
    type: ['ping', 'http', 'log'][check % 3] ?? '',
    region: 'eu-west',
    agent: `agent-${index}`,
    phase: 'processing',
    status: 200 + check,
  });
  const bounds = [1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000];
  const counts = Array.from({ length: 12 }, (_, bucket) => bucket * 7);
  const count = counts.reduce((sum, bucket) => sum + bucket);
  return Array.from({ length: 10 }, (_, metric) =>
    Array.from({ length: 20 }, (_, check): MetricPoint => {
      const point = { ...common, name: `probe.metric.${metric}`, attributes: attributes(check) };
      if (metric < 6) return { ...point, kind: 'gauge', monotonic: false, value: check / 7 };
      if (metric < 9) return { ...point, kind: 'sum', monotonic: true, value: check * 1e6 };
      const value = { bounds, counts, count, sum: 1234.5 };
      return { ...point, kind: 'histogram', monotonic: true, value };
    }),
  ).flat();
}

/** The same request in OTLP's JSON, one metric a point, as the shape matters little to the parser. */
function asJson(request: readonly MetricPoint[]): unknown {
  const attributesOf = (attributes: MetricPoint['attributes']) =>
    Object.entries(attributes).map(([key, value]) => ({
      key,
      value: typeof value === 'number' ? { intValue: String(value) } : { stringValue: value },
    }));
  const metrics = [...Map.groupBy(request, ({ name }) => name)].map(([name, group]) => ({
    name,
    unit: 's',
    description: 'How long it took',
    [group[0]?.kind ?? '']: {
      aggregationTemporality: 2,
      isMonotonic: true,
      dataPoints: group.map((point) => ({
        startTimeUnixNano: String(point.startUnixNano),
        timeUnixNano: String(point.timeUnixNano),
        attributes: attributesOf(point.attributes),
        ...(typeof point.value === 'object'
          ? {
              explicitBounds: point.value.bounds,
              bucketCounts: point.value.counts.map(String),
              count: String(point.value.count),
              sum: point.value.sum,
            }
          : { asDouble: point.value }),
      })),
    },
  }));
  const resource = { attributes: attributesOf(request[0]?.resource ?? {}) };
  return { resourceMetrics: [{ resource, scopeMetrics: [{ metrics }] }] };
}
