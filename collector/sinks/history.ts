import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Clock } from '#lib/clock';
import { makeDirectory } from '#lib/durable-directory';
import { duration } from '#lib/scalars';
import type { Run, RunsQuery, TargetsQuery, TargetState } from './history/queries.ts';
import { runsOf } from './history/run.ts';
import { HistoryError, HistoryThread } from './history/thread.ts';
import { type Batch, defineSink, type Delivery, type Sink, type SinkSpec } from './sink.ts';

const settings = z.strictObject({
  retention: z
    .strictObject({ raw: duration.prefault('7d').describe('How long every single run is kept') })
    .prefault({}),
});

type Settings = z.output<typeof settings>;

/** The runs of all targets in an SQLite file of the collector's own, for its page and API. */
export const history = defineSink({
  type: 'history',
  summary: 'Keeps every run in a file of the collector, which its page and API read.',
  settings,
  notBuilt: ['retention.5m', 'retention.1h', 'retention.1d'],
  create: (spec) => HistorySink.open(spec),
});

/** SQLite's codes for data it will never take: too big, constraint, mismatch, range. */
const refusals = new Set([18, 19, 20, 25]);
/** And for a file it can no longer use: corrupt, not a database. */
const damages = new Set([11, 26]);
const expireEveryMs = 60_000;
/** With less than that a disk is full. */
const spaceBytesMin = 1024 * 1024;

/** Metrics that are not part of a run have no place here and are left alone. */
export class HistorySink implements Sink {
  readonly #thread: HistoryThread;
  readonly #clock: Clock;
  readonly #retentionMs: number;
  readonly #labels: SinkSpec<Settings>['labels'];
  #expireAtMs = -Infinity;

  private constructor(
    thread: HistoryThread,
    { clock, labels, settings: { retention } }: SinkSpec<Settings>,
  ) {
    this.#thread = thread;
    this.#clock = clock;
    this.#retentionMs = retention.raw;
    this.#labels = labels;
  }

  /**
   * Rejects when the file is of a newer version, or cannot be opened. On a full disk it is opened by the
   * delivery that finds room again: the sinks that empty the queue must not wait for that.
   */
  static async open(spec: SinkSpec<Settings>): Promise<HistorySink> {
    const directory = join(spec.dataDirectory, 'history');
    await makeDirectory(directory);
    const thread = new HistoryThread(join(directory, `${spec.name}.db`));
    try {
      await thread.call('open');
    } catch (error) {
      if (!(await isFull(directory))) throw error;
    }
    return new HistorySink(thread, spec);
  }

  /** A delivery once begun is not cut short: it is over in an instant. */
  async deliver(batch: Batch): Promise<Delivery> {
    const runs = runsOf(batch, this.#labels);
    if (runs.length === 0) return { kind: 'delivered' };
    try {
      await this.#thread.call('write', runs, this.#expiry());
      return { kind: 'delivered' };
    } catch (error) {
      return deliveryOf(error);
    }
  }

  selectRuns(query: RunsQuery): Promise<readonly Run[]> {
    return this.#thread.call('selectRuns', query);
  }

  selectTargets(query: TargetsQuery): Promise<readonly TargetState[]> {
    return this.#thread.call('selectTargets', query);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread[Symbol.asyncDispose]();
  }

  /** Before which time runs are to be forgotten now; undefined when that was done a moment ago. */
  #expiry(): number | undefined {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs < this.#expireAtMs) return undefined;
    this.#expireAtMs = nowMs + expireEveryMs;
    return this.#clock.unixMs() - this.#retentionMs;
  }
}

/** SQLite calls it an I/O error: it wants room for its log and index before it reads a page. */
async function isFull(directory: string): Promise<boolean> {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize < spaceBytesMin;
}

function deliveryOf(failure: unknown): Delivery {
  const code = failure instanceof HistoryError ? (failure.sqliteCode ?? 0) & 0xff : 0;
  const remedy = damages.has(code)
    ? '; stop the collector and move its file away, and a new one is begun'
    : '';
  const error = new Error(`cannot write the history: ${String(failure)}${remedy}`, {
    cause: failure,
  });
  return refusals.has(code) ? { kind: 'rejected', error } : { kind: 'retry', error };
}
