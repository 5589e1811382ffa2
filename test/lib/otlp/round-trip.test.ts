import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeLogs, encodeLogs } from '#lib/otlp/logs';
import { decodeMetrics, encodeMetrics } from '#lib/otlp/metrics';
import type { LogRecord, MetricPoint } from '#lib/otlp/model';
import { logRecord, looseLimits, metricPoint } from './arbitraries.ts';

test('metrics survive encoding and decoding, whatever their values', () => {
  fc.assert(
    fc.property(fc.array(metricPoint, { maxLength: 12 }), (points) => {
      const decoded = decodeMetrics(encodeMetrics(points), looseLimits);
      expect(decoded.rejected.count).toBe(0);
      expect(sorted(decoded.points)).toEqual(sorted(points));
    }),
  );
});

test('logs survive encoding and decoding', () => {
  fc.assert(
    fc.property(fc.array(logRecord, { maxLength: 12 }), (records) => {
      const decoded = decodeLogs(encodeLogs(records), looseLimits);
      expect(decoded.rejected.count).toBe(0);
      expect(sorted(decoded.records)).toEqual(sorted(records));
    }),
  );
});

test('concatenated requests decode as one', () => {
  fc.assert(
    fc.property(fc.array(metricPoint), fc.array(metricPoint), (first, second) => {
      const both = Buffer.concat([encodeMetrics(first), encodeMetrics(second)]);
      expect(sorted(decodeMetrics(both, looseLimits).points)).toEqual(
        sorted([...first, ...second]),
      );
    }),
  );
});

test('points of one series keep their order', () => {
  const points = [3n, 1n, 2n].map((timeUnixNano) => point({ timeUnixNano }));
  const times = decodeMetrics(encodeMetrics(points), looseLimits).points.map(
    ({ timeUnixNano }) => timeUnixNano,
  );
  expect(times).toEqual([3n, 1n, 2n]);
});

test('points of one resource share its object', () => {
  const points = [point({ name: 'a' }), point({ name: 'b' })];
  const decoded = decodeMetrics(encodeMetrics(points), looseLimits).points;
  expect(decoded[0]!.resource).toBe(decoded[1]!.resource);
});

test('neither resources nor metrics are taken for each other, whatever their texts hold', () => {
  const points = [
    point({ resource: { a: 'x\nb\nstring\ny' } }),
    point({ resource: { a: 'x', b: 'y' } }),
    point({ name: 'a\nb', unit: 'c' }),
    point({ name: 'a', unit: 'b\nc' }),
  ];
  const decoded = decodeMetrics(encodeMetrics(points), looseLimits).points;
  expect(sorted(decoded)).toEqual(sorted(points));
});

/** Encoding groups by resource and metric, so that only the order of different series changes. */
function sorted<Item extends MetricPoint | LogRecord>(items: readonly Item[]): Item[] {
  return items.toSorted((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1));
}

function sortKey(item: MetricPoint | LogRecord): string {
  return JSON.stringify(item, (key, value: unknown) => {
    if (key === 'resource' || key === 'attributes') {
      return Object.entries(value as object)
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, held]) => [name, typeof held, text(held)]);
    }
    return typeof value === 'bigint' || typeof value === 'number' ? text(value) : value;
  });
}

function text(value: unknown): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

function point(changes: Partial<MetricPoint>): MetricPoint {
  return {
    resource: { 'service.name': 'clowder' },
    name: 'probe.success',
    unit: '',
    description: '',
    kind: 'gauge',
    monotonic: false,
    attributes: { check: 'home' },
    startUnixNano: 0n,
    timeUnixNano: 1n,
    value: 1,
    ...changes,
  };
}
