import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeLogsJson } from '#lib/otlp/json-logs';
import { decodeMetricsJson } from '#lib/otlp/json-metrics';
import { TooManyError } from '#lib/otlp/limits';
import { DecodeError } from '#lib/protobuf/reader';
import { looseLimits } from './arbitraries.ts';

test('64-bit integers come as strings or as numbers, both exact', () => {
  const point = (time: string) =>
    `{"timeUnixNano":${time},"asInt":"-9223372036854775808","attributes":[` +
    '{"key":"big","value":{"intValue":9223372036854775807}},' +
    '{"key":"small","value":{"intValue":"-5"}}]}';
  const body = metrics(
    `{"name":"a","gauge":{"dataPoints":[${point('1750000000123456789')},${point('"1750000000123456789"')}]}}`,
  );
  for (const decoded of decodeMetricsJson(body, looseLimits).points) {
    expect(decoded.timeUnixNano).toBe(1750000000123456789n);
    expect(decoded.attributes).toEqual({ big: 9223372036854775807n, small: -5 });
    expect(decoded.value).toBe(-(2 ** 63));
  }
});

test.each([
  ['"NaN"', Number.NaN],
  ['"Infinity"', Infinity],
  ['"-Infinity"', -Infinity],
  ['"0.5"', 0.5],
  ['-0.0', -0],
])('the double %s', (json, value) => {
  const body = metrics(`{"name":"a","gauge":{"dataPoints":[{"asDouble":${json}}]}}`);
  expect(decodeMetricsJson(body, looseLimits).points[0]?.value).toBe(value);
});

test('null is an absent field, an unknown field is nothing', () => {
  const body = metrics(
    '{"name":"a","unit":null,"metadata":[{"key":"x"}],"sum":null,"gauge":{"dataPoints":[' +
      '{"asInt":null,"asDouble":1,"startTimeUnixNano":null,"exemplars":[{}],"attributes":null}]}}',
  );
  expect(decodeMetricsJson(body, looseLimits).points[0]).toMatchObject({ unit: '', value: 1 });
});

test('a log record keeps structure as JSON text and bytes as base64', () => {
  const body = Buffer.from(
    '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"observedTimeUnixNano":"7","severityNumber":17,' +
      '"body":{"kvlistValue":{"values":[{"key":"a","value":{"arrayValue":{"values":[{"intValue":1},{}]}}}]}},' +
      '"attributes":[{"key":"raw","value":{"bytesValue":"AAE="}}]}]}]}]}',
  );
  expect(decodeLogsJson(body, looseLimits).records).toEqual([
    {
      resource: {},
      timeUnixNano: 7n,
      severityNumber: 17,
      severityText: '',
      body: '{"a":[1,null]}',
      attributes: { raw: 'AAE=' },
    },
  ]);
});

test.each([
  ['nothing', ''],
  ['null', 'null'],
  ['an array', '[]'],
  ['a torn message', '{"resourceMetrics":[{'],
  ['a value of another type', '{"resourceMetrics":[{"scopeMetrics":7}]}'],
  ['a name that is no string', '{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":1}]}]}]}'],
  ['bytes that are not UTF-8', Buffer.from([0x7b, 0xff, 0x7d])],
  ['arrays nested a million deep', '['.repeat(1_000_000)],
  ['a number of a million digits', `{"resourceMetrics":${'9'.repeat(1_000_000)}}`],
])('%s throws DecodeError', (_what, body) => {
  expect(() => decodeMetricsJson(Buffer.from(body), looseLimits)).toThrow(DecodeError);
});

test('a message of nothing but brackets is too many before it takes memory', () => {
  const body = Buffer.from(`{"resourceMetrics":[${'[],'.repeat(1_000_000)}[]]}`);
  expect(() => decodeMetricsJson(body, looseLimits)).toThrow(TooManyError);
});

test('values nested too deep throw DecodeError', () => {
  const nested = `${'{"arrayValue":{"values":['.repeat(40)}${']}}'.repeat(40)}`;
  const body = metrics(
    `{"name":"a","gauge":{"dataPoints":[{"asInt":1,"attributes":[{"key":"k","value":${nested}}]}]}}`,
  );
  expect(() => decodeMetricsJson(body, looseLimits)).toThrow('nested deeper');
});

test('a request with any one value replaced by another throws nothing but DecodeError', () => {
  const histogram = { count: '2', bucketCounts: [1, '1'], explicitBounds: [5], sum: null };
  const attributes = [{ key: 'a', value: { arrayValue: { values: [{ intValue: '1' }] } } }];
  const request = {
    resourceMetrics: [
      {
        resource: { attributes },
        scopeMetrics: [
          {
            metrics: [
              { name: 'a', gauge: { dataPoints: [{ asInt: 1, timeUnixNano: '5', attributes }] } },
              { name: 'b', histogram: { aggregationTemporality: 2, dataPoints: [histogram] } },
            ],
          },
        ],
      },
    ],
  };
  const property = fc.property(fc.nat(40), fc.jsonValue({ maxDepth: 2 }), (at, replacement) => {
    let seen = 0;
    const body = JSON.stringify(request, (_key, value: unknown) =>
      seen++ === at ? replacement : value,
    );
    try {
      decodeMetricsJson(Buffer.from(body), looseLimits);
    } catch (error) {
      expect(error).toBeInstanceOf(DecodeError);
    }
  });
  fc.assert(property, { numRuns: 2000 });
});

function metrics(metric: string): Buffer {
  return Buffer.from(`{"resourceMetrics":[{"scopeMetrics":[{"metrics":[${metric}]}]}]}`);
}
