import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { OTLPMetricExporter as JsonExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPMetricExporter as ProtobufExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { expect, test } from 'vitest';
import { decodeMetricsJson } from '#lib/otlp/json-metrics';
import { decodeMetrics } from '#lib/otlp/metrics';
import type { MetricPoint } from '#lib/otlp/model';
import { looseLimits } from './arbitraries.ts';

type Exporter = JsonExporter | ProtobufExporter;

test('what the stock protobuf exporter posts is decoded', async () => {
  const body = await captureExport((url) => new ProtobufExporter({ url }));
  const { points, rejected } = decodeMetrics(body, looseLimits);
  expect(rejected.count).toBe(0);
  expectRecorded(points);
  expect(byName(points, 'not.a.number').value).toBeNaN();
});

test('what the stock JSON exporter posts is decoded; it writes NaN as null, which is no value', async () => {
  const body = await captureExport((url) => new JsonExporter({ url }));
  const { points, rejected } = decodeMetricsJson(body, looseLimits);
  expect(rejected.count).toBe(1);
  expect(rejected.reasons.get('malformed')?.example).toBe('not.a.number: a point without a value');
  expectRecorded(points);
});

test('both stock encodings of one export decode alike', async () => {
  const json = await captureExport((url) => new JsonExporter({ url }));
  const protobuf = await captureExport((url) => new ProtobufExporter({ url }));
  const timeless = (points: readonly MetricPoint[]) =>
    points
      .filter(({ name }) => name !== 'not.a.number')
      .map((point) => ({ ...point, startUnixNano: 0n, timeUnixNano: 0n }));
  expect(timeless(decodeMetricsJson(json, looseLimits).points)).toEqual(
    timeless(decodeMetrics(protobuf, looseLimits).points),
  );
});

test('delta temporality of a stock exporter is rejected, the gauge beside it kept', async () => {
  const temporalityPreference = AggregationTemporality.DELTA;
  const body = await captureExport((url) => new ProtobufExporter({ url, temporalityPreference }));
  const { points, rejected } = decodeMetrics(body, looseLimits);
  expect(rejected.reasons.get('delta')).toEqual({
    count: 2,
    example: 'uploads: set the exporter to cumulative temporality',
  });
  expect(points.map(({ name }) => name)).toEqual(['temperature', 'not.a.number']);
});

async function captureExport(create: (url: string) => Exporter): Promise<Buffer> {
  const bodies: Buffer[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    bodies.push(await buffer(request));
    response.setHeader('content-type', request.headers['content-type'] ?? '').end();
  };
  await using server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await recordAndExport(create(`http://127.0.0.1:${port}/v1/metrics`));
  server.closeAllConnections();
  return bodies[0]!;
}

async function recordAndExport(exporter: Exporter): Promise<void> {
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const resource = resourceFromAttributes({ 'service.name': 'stranger', replicas: 3, ready: true });
  const provider = new MeterProvider({ resource, readers: [reader] });
  const meter = provider.getMeter('stranger', '1.0');
  const attributes = { space: 'a', shard: 7, ratio: 0.5, tags: ['x', 'y'] };
  meter.createCounter('uploads', { unit: 'By', description: 'bytes taken' }).add(9e15, attributes);
  meter
    .createHistogram('upload.duration', { unit: 's', advice: { explicitBucketBoundaries: [1, 5] } })
    .record(2.5);
  meter.createGauge('temperature').record(-0.25, attributes);
  meter.createGauge('not.a.number').record(Number.NaN);
  await provider.shutdown();
}

function expectRecorded(points: readonly MetricPoint[]): void {
  const uploads = byName(points, 'uploads');
  expect(uploads).toMatchObject({
    resource: { 'service.name': 'stranger', replicas: 3, ready: true },
    unit: 'By',
    description: 'bytes taken',
    kind: 'sum',
    monotonic: true,
    attributes: { space: 'a', shard: 7, ratio: 0.5, tags: '["x","y"]' },
    value: 9e15,
  });
  expect(Math.abs(Number(uploads.timeUnixNano / 1_000_000n) - Date.now())).toBeLessThan(60_000);
  expect(uploads.startUnixNano).toBeGreaterThan(0n);
  expect(byName(points, 'temperature')).toMatchObject({ kind: 'gauge', value: -0.25 });
  expect(byName(points, 'upload.duration')).toMatchObject({
    kind: 'histogram',
    value: { bounds: [1, 5], counts: [0, 1, 0], count: 1, sum: 2.5 },
  });
}

function byName(points: readonly MetricPoint[], name: string): MetricPoint {
  return points.find((point) => point.name === name)!;
}
