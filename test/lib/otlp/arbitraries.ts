import * as fc from 'fast-check';
import type { Attributes, AttributeValue, LogRecord, MetricPoint } from '#lib/otlp/model';

export const looseLimits = {
  items: 100_000,
  attributes: 64,
  name: 256,
  value: 4096,
  buckets: 100,
};

const text = (maxLength: number) => fc.string({ unit: 'grapheme', maxLength });
const key = fc.oneof(
  { weight: 9, arbitrary: text(12).filter((key) => key !== '') },
  { weight: 1, arbitrary: fc.constantFrom('__proto__', 'constructor', 'toString', '0') },
);
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const unsafeInteger = fc
  .oneof(int64, fc.constantFrom(2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n)))
  .filter((value) => !Number.isSafeInteger(Number(value)));
const attributeValue: fc.Arbitrary<AttributeValue> = fc.oneof(
  text(20),
  fc.double(),
  fc.maxSafeInteger(),
  fc.boolean(),
  unsafeInteger,
);

export const attributes: fc.Arbitrary<Attributes> = fc
  .array(fc.tuple(key, attributeValue), { maxLength: 6 })
  .map((pairs) => Object.fromEntries(pairs));

const nanoseconds = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

const histogram = fc
  .uniqueArray(fc.double({ noNaN: true, noDefaultInfinity: true }), {
    maxLength: 8,
    comparator: (a, b) => a === b,
  })
  .chain((bounds) =>
    fc.record({
      bounds: fc.constant(bounds.toSorted((a, b) => a - b)),
      counts: fc.array(fc.nat(), { minLength: bounds.length + 1, maxLength: bounds.length + 1 }),
      sum: fc.option(fc.double(), { nil: undefined }),
    }),
  )
  .map((value) => ({ ...value, count: value.counts.reduce((sum, count) => sum + count, 0) }));

const header = fc.record({
  resource: attributes,
  name: text(20).filter((name) => name !== ''),
  unit: text(5),
  description: text(10),
  attributes,
  startUnixNano: nanoseconds,
  timeUnixNano: nanoseconds,
});

const numberPoint = fc.record({
  kind: fc.constantFrom('gauge', 'sum'),
  monotonic: fc.boolean(),
  value: fc.option(fc.oneof(fc.double(), fc.constantFrom(-0, Number.NaN, Infinity, 2 ** 63)), {
    nil: undefined,
  }),
});

const histogramPoint = fc.record({
  kind: fc.constant('histogram'),
  monotonic: fc.constant(true),
  value: fc.option(histogram, { nil: undefined }),
});

export const metricPoint: fc.Arbitrary<MetricPoint> = fc
  .tuple(header, fc.oneof(numberPoint, histogramPoint))
  .map(([common, { kind, monotonic, value }]) => ({
    ...common,
    kind,
    monotonic: kind !== 'gauge' && monotonic,
    value,
  }));

export const logRecord: fc.Arbitrary<LogRecord> = fc.record({
  resource: attributes,
  timeUnixNano: nanoseconds,
  severityNumber: fc.nat(24),
  severityText: text(6),
  body: text(40),
  attributes,
});
