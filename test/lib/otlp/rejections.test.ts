import { expect, test } from 'vitest';
import { decodeMetricsJson } from '#lib/otlp/json-metrics';
import { decodeLogs, encodeLogs } from '#lib/otlp/logs';
import type { DecodedMetrics } from '#lib/otlp/metrics-builder';
import { decodeMetrics, encodeMetrics } from '#lib/otlp/metrics';
import type { MetricPoint } from '#lib/otlp/model';
import { DecodeError } from '#lib/protobuf/reader';
import { ProtobufWriter } from '#lib/protobuf/writer';
import { looseLimits } from './arbitraries.ts';

const limits = { items: 3, attributes: 2, name: 20, value: 10, buckets: 3 };

test.each<[string, Partial<MetricPoint>, string, string]>([
  [
    'too many attributes',
    { attributes: { a: 1, b: 2, c: 3 } },
    'too_many_attributes',
    'more than 2',
  ],
  [
    'an attribute name too long',
    { attributes: { ['k'.repeat(21)]: 1 } },
    'too_long',
    '21 characters',
  ],
  [
    'an attribute value too long',
    { attributes: { k: 'v'.repeat(11) } },
    'too_long',
    'attribute k of 11',
  ],
  ['an attribute without a key', { attributes: { '': 1 } }, 'malformed', 'without a key'],
  ['a metric name too long', { name: 'n'.repeat(21) }, 'too_long', 'name, unit or description'],
  ['a metric without a name', { name: '' }, 'malformed', 'without a name'],
  ['too many buckets', histogram([1, 2, 3], [1, 1, 1, 1], 4), 'too_many_buckets', '4 buckets'],
  ['buckets that do not fit the bounds', histogram([1, 2], [1, 1], 2), 'malformed', 'do not fit'],
  ['bounds that do not ascend', histogram([2, 2], [0, 0, 0], 0), 'malformed', 'ascend'],
  ['a bound that is not a number', histogram([Number.NaN], [0, 0], 0), 'malformed', 'ascend'],
  ['a count its buckets do not give', histogram([1], [1, 1], 3), 'malformed', 'add up to 2'],
])('%s is rejected, the point beside it kept', (_what, changes, reason, example) => {
  const good = point({ name: 'good' });
  const decoded = decodeMetrics(encodeMetrics([point(changes), good]), limits);
  expect(decoded.points).toEqual([good]);
  expectRejected(decoded, reason, example);
});

test('a count that is negative, or that no number can hold, is rejected', () => {
  const json = (counts: string, count: string) =>
    Buffer.from(
      '{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"m","histogram":{"aggregationTemporality":2,' +
        `"dataPoints":[{"explicitBounds":[],"bucketCounts":[${counts}],"count":${count}}]}}]}]}]}`,
    );
  for (const count of ['"-1"', '"18446744073709551615"']) {
    const decoded = decodeMetricsJson(json(count, count), looseLimits);
    expectRejected(decoded, 'malformed', 'negative or beyond 2^53');
  }
});

test('a resource with too many attributes costs its own points only', () => {
  const resource = Object.fromEntries(Array.from({ length: 129 }, (_, index) => [`a${index}`, 1]));
  const good = point({});
  const decoded = decodeMetrics(encodeMetrics([point({ resource }), good]), limits);
  expect(decoded.points).toEqual([good]);
  expectRejected(decoded, 'too_many_attributes', 'more than 128');
});

test('more points than the limit are too many for one message', () => {
  const points = [1n, 2n, 3n, 4n].map((timeUnixNano) => point({ timeUnixNano }));
  expect(() => decodeMetrics(encodeMetrics(points), limits)).toThrow('more than 3 data points');
});

test('exponential histograms and summaries are rejected by the number of their points', () => {
  const decoded = decodeMetrics(
    metric((writer) => {
      const data = writer.begin(10);
      writer.bytes(1, new Uint8Array());
      writer.bytes(1, new Uint8Array());
      writer.end(data);
    }),
    looseLimits,
  );
  expectRejected(decoded, 'unsupported_kind', 'explicit bucket', 2);
});

test('a point without a value is rejected', () => {
  const decoded = decodeMetrics(
    metric((writer) => {
      const data = writer.begin(5);
      writer.bytes(1, new Uint8Array());
      writer.end(data);
    }),
    looseLimits,
  );
  expectRejected(decoded, 'malformed', 'without a value');
});

test('a metric may name itself and its temporality after its points', () => {
  const writer = new ProtobufWriter();
  const open = [writer.begin(1), writer.begin(2), writer.begin(2)];
  const sum = writer.begin(7);
  const dataPoint = writer.begin(1);
  writer.double(4, 5);
  writer.end(dataPoint);
  writer.bool(3, true);
  writer.uint32(2, 2);
  writer.end(sum);
  writer.string(1, 'late');
  for (const begun of open.toReversed()) writer.end(begun);
  const { points } = decodeMetrics(writer.finish(), looseLimits);
  expect(points).toMatchObject([{ name: 'late', kind: 'sum', monotonic: true, value: 5 }]);
});

test('a histogram of one bucket may leave its buckets out', () => {
  const decoded = decodeMetrics(
    metric((writer) => {
      const data = writer.begin(9);
      writer.uint32(2, 2);
      const dataPoint = writer.begin(1);
      writer.fixed64(4, 9n);
      writer.end(dataPoint);
      writer.end(data);
    }),
    looseLimits,
  );
  expect(decoded.points[0]?.value).toEqual({ bounds: [], counts: [9], count: 9, sum: undefined });
});

test('a field of another wire type is a DecodeError, not a number', () => {
  const bytes = metric((writer) => writer.uint32(5, 1));
  expect(() => decodeMetrics(bytes, looseLimits)).toThrow(DecodeError);
});

test('a field that is not known and claims gigabytes is a DecodeError, not skipped by its low bits', () => {
  const unknownField = [0x7a, 0x80, 0x80, 0x80, 0x80, 0x10];
  expect(() => decodeMetrics(Buffer.from(unknownField), looseLimits)).toThrow(DecodeError);
});

test('values nested too deep throw DecodeError', () => {
  const bytes = metric((writer) => {
    const open = [writer.begin(5), writer.begin(1), writer.begin(7), writer.begin(2)];
    for (let depth = 0; depth < 40; depth += 1) open.push(writer.begin(5), writer.begin(1));
    for (const begun of open.toReversed()) writer.end(begun);
  });
  expect(() => decodeMetrics(bytes, looseLimits)).toThrow('nested deeper');
});

test('a log record beyond the limits is rejected, the one beside it kept', () => {
  const record = {
    resource: {},
    timeUnixNano: 1n,
    severityNumber: 9,
    severityText: 'INFO',
    attributes: {},
  };
  const good = { ...record, body: 'short' };
  const decoded = decodeLogs(encodeLogs([{ ...record, body: 'x'.repeat(11) }, good]), limits);
  expect(decoded.records).toEqual([good]);
  expect(decoded.rejected.reasons.get('too_long')?.example).toContain('11 characters');
});

function expectRejected(decoded: DecodedMetrics, reason: string, example: string, count = 1): void {
  expect(decoded.rejected.count).toBe(count);
  const [[key, detail] = [], ...others] = [...decoded.rejected.reasons];
  expect([key, detail?.count, others]).toEqual([reason, count, []]);
  expect(detail?.example).toContain(example);
}

function point(changes: Partial<MetricPoint>): MetricPoint {
  return {
    resource: {},
    name: 'probe.success',
    unit: '',
    description: '',
    kind: 'gauge',
    monotonic: false,
    attributes: {},
    startUnixNano: 0n,
    timeUnixNano: 1n,
    value: 1,
    ...changes,
  };
}

function histogram(bounds: number[], counts: number[], count: number): Partial<MetricPoint> {
  return { kind: 'histogram', monotonic: true, value: { bounds, counts, count, sum: undefined } };
}

/** A request of one metric named `m`. */
function metric(write: (writer: ProtobufWriter) => void): Uint8Array {
  const writer = new ProtobufWriter();
  const open = [writer.begin(1), writer.begin(2), writer.begin(2)];
  writer.string(1, 'm');
  write(writer);
  for (const begun of open.toReversed()) writer.end(begun);
  return writer.finish();
}
