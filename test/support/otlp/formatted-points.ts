import type { Attributes, LogRecord, MetricPoint } from '#lib/otlp/model';

/**
 * Points as sorted text lines, close to what Prometheus prints, for golden files. What all of them
 * have in common (resource, attributes, time in milliseconds) stands once, above; `ended` is a
 * staleness marker.
 */
export function formatPoints(points: readonly MetricPoint[]): string {
  const shared = common(points.map(everything));
  const lines = points.map((point) => formatPoint(point, shared));
  return [`all: ${formatAttributes(shared)}`, ...lines.sort(), ''].join('\n');
}

/** Log records as text, one a line. */
export function formatLogs(logs: readonly LogRecord[]): string {
  return logs
    .map(
      ({ severityText, body, attributes }) =>
        `${severityText} ${JSON.stringify(body)} ${formatAttributes(attributes)}\n`,
    )
    .join('');
}

function formatPoint(point: MetricPoint, shared: Attributes): string {
  const own = Object.entries(everything(point)).filter(([key]) => !(key in shared));
  const { name, unit, kind, value } = point;
  return `${name}${own.length === 0 ? '' : formatAttributes(Object.fromEntries(own))} ${kind}${unit && ` in ${unit}`}: ${formatValue(value)}`;
}

function everything({
  resource,
  attributes,
  timeUnixNano,
  startUnixNano,
}: MetricPoint): Attributes {
  return {
    ...resource,
    ...attributes,
    '@': toMs(timeUnixNano),
    ...(startUnixNano === 0n ? {} : { since: toMs(startUnixNano) }),
  };
}

function common(all: readonly Attributes[]): Attributes {
  const entries = Object.entries(all[0] ?? {});
  return Object.fromEntries(
    entries.filter(([key, value]) => all.every((other) => other[key] === value)),
  );
}

function formatAttributes(attributes: Attributes): string {
  const pairs = Object.entries(attributes).map(([key, value]) =>
    typeof value === 'string' ? `${key}=${JSON.stringify(value)}` : `${key}=${String(value)}`,
  );
  return `{${pairs.join(', ')}}`;
}

function formatValue(value: MetricPoint['value']): string {
  if (value === undefined) return 'ended';
  if (typeof value === 'number') return String(value);
  const buckets = value.counts.map((count, index) => `≤${value.bounds[index] ?? '∞'}: ${count}`);
  return `${value.count}, sum ${value.sum} (${buckets.join(', ')})`;
}

function toMs(nano: bigint): number {
  return Number(nano / 1000n) / 1000;
}
