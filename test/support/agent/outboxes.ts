import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Outbox, type OutboxOptions, openOutbox } from '#agent/outbox';
import { type Clock } from '#lib/clock';
import { createLog } from '#lib/log';
import { decodeLogs } from '#lib/otlp/logs';
import { decodeMetrics } from '#lib/otlp/metrics';
import { type LogRecord, type MetricPoint } from '#lib/otlp/model';
import { QuickClock } from '../clocks/quick-clock.ts';

const limits = { items: 1e6, attributes: 64, name: 1024, value: 65_536, buckets: 1000 };
const never = new AbortController().signal;

/** A temporary folder that goes when it is disposed. */
export function temporaryFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'farpoint-test-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** Log lines in memory, parsed. */
export class LogLines {
  readonly lines: Record<string, unknown>[] = [];
  readonly log = createLog({
    level: 'info',
    destination: { write: (line: string) => void this.lines.push(JSON.parse(line)) },
  });

  messages(level: string): unknown[] {
    return this.lines.filter((line) => line['level'] === level).map(({ message }) => message);
  }
}

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
