import type { LogRecord, MetricPoint } from '#lib/otlp/model';

/** A gauge as an agent sends it, with whatever a test wants to be different. */
export function gauge(name: string, unixMs: number, rest: Partial<MetricPoint> = {}): MetricPoint {
  return {
    resource: { 'service.name': 'clowder', 'service.instance.id': 'https://clowder.example.org/' },
    name,
    unit: '',
    description: '',
    kind: 'gauge',
    monotonic: false,
    attributes: { check: 'home', type: 'http', region: 'eu-west', agent: 'eu-west' },
    startUnixNano: 0n,
    timeUnixNano: BigInt(unixMs) * 1_000_000n,
    value: 1,
    ...rest,
  };
}

export function counter(
  name: string,
  unixMs: number,
  rest: Partial<MetricPoint> = {},
): MetricPoint {
  return gauge(name, unixMs, { kind: 'sum', monotonic: true, ...rest });
}

export function logRecord(body: string, unixMs: number): LogRecord {
  const { resource, attributes, timeUnixNano } = gauge('', unixMs);
  return { resource, timeUnixNano, severityNumber: 17, severityText: 'ERROR', body, attributes };
}

export function histogram(
  name: string,
  unixMs: number,
  rest: Partial<MetricPoint> = {},
): MetricPoint {
  const value = { bounds: [0.1, 1], counts: [1, 2, 3], count: 6, sum: 4.5 };
  return gauge(name, unixMs, { kind: 'histogram', monotonic: true, value, ...rest });
}
