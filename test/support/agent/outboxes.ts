import { type Outbox, type OutboxOptions, openOutbox } from '#agent/outbox';
import type { Clock } from '#lib/clock';
import { decodeLogs } from '#lib/otlp/logs';
import { decodeMetrics } from '#lib/otlp/metrics';
import type { LogRecord, MetricPoint } from '#lib/otlp/model';
import { QuickClock } from '../clocks/quick-clock.ts';
import { LogLines } from '../log-lines.ts';

const limits = { items: 1e6, attributes: 64, name: 1024, value: 65_536, buckets: 1000 };
const never = new AbortController().signal;

export function openTestOutbox(
  directory: string,
  overrides: Partial<OutboxOptions> & { clock?: Clock } = {},
): Promise<Outbox> {
  return openOutbox({
    directory,
    bytesMax: 1 << 30,
    ageMaxMs: 7 * 86_400_000,
    clock: new QuickClock(),
    log: new LogLines().log,
    ...overrides,
  });
}

/** Takes out everything that waits, as a collector would have it. */
export async function drain(
  outbox: Outbox,
): Promise<{ points: MetricPoint[]; logs: LogRecord[]; records: number }> {
  const points: MetricPoint[] = [];
  const logs: LogRecord[] = [];
  let records = 0;
  while (outbox.statistics.bytes > 0) {
    for (const entry of await outbox.read(1, never)) {
      points.push(...decodeMetrics(entry.metrics, limits).points);
      logs.push(...decodeLogs(entry.logs, limits).records);
      await outbox.acknowledge(entry.position);
      records += 1;
    }
  }
  return { points, logs, records };
}

/** Start times, in milliseconds, of the results that points come from, in order of arrival. */
export function startsOf(points: readonly MetricPoint[]): number[] {
  return points
    .filter(({ name, value }) => name === 'probe.timeout' && value !== undefined)
    .map(({ timeUnixNano }) => Number(timeUnixNano / 1_000_000n));
}
