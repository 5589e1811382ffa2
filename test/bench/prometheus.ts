/**
 * What the Prometheus sink costs before the network: data points a second of one core, from decoded
 * OTLP to a compressed write request, step by step. 2,000 series, as ten agents give them.
 *
 *     node test/bench/prometheus.ts [ROUNDS]
 */
import { compressSync } from 'snappy';
import { seriesKey } from '#collector/series-key';
import { SeriesTable, UnwritableName } from '#collector/sinks/prometheus/series';
import { encodeWriteRequest } from '#collector/sinks/prometheus/write-request';
import { noLimits } from '#lib/otlp/limits';
import { decodeMetrics, encodeMetrics } from '#lib/otlp/metrics';
import type { MetricPoint } from '#lib/otlp/model';
import { ProtobufWriter } from '#lib/protobuf/writer';
import { counter, gauge, histogram } from '../support/otlp/points.ts';

const rounds = Number(process.argv[2] ?? 5);
const roundMs = 500;

const requests = Array.from({ length: 10 }, (_, agent) => encodeMetrics(pointsOf(agent)));
const decoded = requests.map((bytes) => decodeMetrics(bytes, noLimits).points);
const table = new SeriesTable({ environment: 'bench' });
const writer = new ProtobufWriter();
const bodies = decoded.map((points) => encode(points));

const steps = {
  decode: (index: number) => decodeMetrics(requests[index] ?? Buffer.of(), noLimits),
  'series key': (index: number) => decoded[index]?.map(seriesKey),
  translate: (index: number) => table.group(decoded[index] ?? []),
  'translate, encode': (index: number) => encode(decoded[index] ?? []),
  compress: (index: number) => compressSync(bodies[index] ?? Buffer.of()),
  'all of it': (index: number) =>
    compressSync(encode(decodeMetrics(requests[index] ?? Buffer.of(), noLimits).points)),
};

console.log(`${decoded[0]?.length} points, ${bodies[0]?.length} bytes a request`);
for (const [name, run] of Object.entries(steps)) {
  measure(run);
  const rates = Array.from({ length: rounds }, () => measure(run)).toSorted((a, b) => a - b);
  const rate = rates[rates.length >> 1] ?? Number.NaN;
  console.log(`${name.padEnd(18)} ${(rate / 1000).toFixed(0).padStart(6)}k points/s`);
}

function measure(run: (index: number) => unknown): number {
  const begun = process.cpuUsage();
  const until = performance.now() + roundMs;
  let points = 0;
  for (let round = 0; performance.now() < until; round += 1) {
    run(round % requests.length);
    points += decoded[round % requests.length]?.length ?? 0;
  }
  const used = process.cpuUsage(begun);
  return (points * 1e6) / (used.user + used.system);
}

function encode(points: readonly MetricPoint[]): Uint8Array {
  const groups = table.group(points);
  if (groups instanceof UnwritableName) throw groups;
  return encodeWriteRequest(groups, writer);
}

/** 10 targets, each with 16 gauges, 3 counters and a histogram. */
function pointsOf(agent: number): readonly MetricPoint[] {
  const unixMs = 1_790_000_000_000;
  return Array.from({ length: 10 }, (_, target) => {
    const resource = {
      'service.name': 'clowder',
      'service.instance.id': `https://${target}.example.org/`,
    };
    const identity = {
      check: `check-${target}`,
      type: 'http',
      region: 'eu-west',
      agent: `agent-${agent}`,
      team: 'web',
    };
    const rest = { resource, attributes: identity };
    return [
      ...Array.from({ length: 16 }, (__, index) =>
        gauge(`probe.metric.${index}`, unixMs, { ...rest, unit: 's', value: index / 3 }),
      ),
      ...Array.from({ length: 3 }, (__, index) =>
        counter(`probe.count.${index}`, unixMs, { ...rest, value: index }),
      ),
      histogram('probe.spread', unixMs, rest),
    ];
  }).flat();
}
