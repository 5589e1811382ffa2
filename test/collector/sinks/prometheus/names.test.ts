import { describe, expect, test } from 'vitest';
import { labelName, metricName } from '#collector/sinks/prometheus/names';

/** Name, unit, kind, and what Prometheus' own OTLP receiver makes of them. */
const metrics = [
  ['probe.success', '', 'gauge', 'probe_success'],
  ['probe.http.duration', 's', 'gauge', 'probe_http_duration_seconds'],
  ['probe.http.status.code', '', 'gauge', 'probe_http_status_code'],
  ['probe.valid.until.timestamp', 's', 'gauge', 'probe_valid_until_timestamp_seconds'],
  ['probe.ssl.earliest.cert.expiry', '', 'gauge', 'probe_ssl_earliest_cert_expiry'],
  ['probe.runs', '{run}', 'counter', 'probe_runs_total'],
  ['requests', '', 'counter', 'requests_total'],
  ['requests_total', '', 'counter', 'requests_total'],
  ['total_requests', '', 'counter', 'requests_total'],
  ['items', '1', 'counter', 'items_total'],
  ['cpu_usage', '1', 'gauge', 'cpu_usage_ratio'],
  ['cpu_usage_ratio', '1', 'gauge', 'cpu_usage_ratio'],
  ['queue', '1', 'updown', 'queue'],
  ['response_time_seconds', 's', 'gauge', 'response_time_seconds'],
  ['memory_usage', 'By', 'gauge', 'memory_usage_bytes'],
  ['throughput', 'By/s', 'gauge', 'throughput_bytes_per_second'],
  ['requests', '1/s', 'gauge', 'requests_per_second'],
  ['custom_metric', 'By/{thing}', 'gauge', 'custom_metric_bytes'],
  ['custom_metric', 'custom_unit', 'gauge', 'custom_metric_custom_unit'],
  ['disk', '%', 'gauge', 'disk_percent'],
  ['metric@@##name', '', 'gauge', 'metric_name'],
  ['123metric', '', 'gauge', '_123metric'],
  ['size', 'By', 'histogram', 'size_bytes'],
  ['@#$%', '', 'gauge', undefined],
] as const;

const labels = [
  ['http.method', 'http_method'],
  ['region', 'region'],
  ['label:with:colons', 'label_with_colons'],
  ['123label', 'key_123label'],
  ['_under', 'key_under'],
  ['__reserved__', '__reserved__'],
  ['ようこそ', undefined],
  ['', undefined],
] as const;

describe('names for Prometheus', () => {
  test.each(metrics)('metric %s in %j, a %s: %s', (name, unit, kind, expected) => {
    const point = {
      gauge: { kind: 'gauge', monotonic: false },
      counter: { kind: 'sum', monotonic: true },
      updown: { kind: 'sum', monotonic: false },
      histogram: { kind: 'histogram', monotonic: true },
    } as const;
    expect(metricName({ name, unit, ...point[kind] })).toBe(expected);
  });

  test.each(labels)('label %j: %s', (name, expected) => {
    expect(labelName(name)).toBe(expected);
  });
});
