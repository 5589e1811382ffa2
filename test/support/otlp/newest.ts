import type { MetricPoint } from '#lib/otlp/model';

/** The newest value of a metric, summed over its series. */
export function newestSum(points: readonly MetricPoint[], metric: string): number {
  const bySeries = new Map<string, number>();
  for (const { name, resource, attributes, value } of points) {
    if (name !== metric || typeof value !== 'number') continue;
    bySeries.set(JSON.stringify([resource, attributes]), value);
  }
  return bySeries.values().reduce((sum, value) => sum + value, 0);
}
