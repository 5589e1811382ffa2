import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { messageOf } from '#lib/error-message';
import type { Run, RunsQuery, TargetsQuery, TargetState } from './queries.ts';
import type { RunRecord } from './run.ts';

/** What the thread can be told to do. */
export interface Commands {
  /** Returns once the file is open. */
  open(): void;
  write(runs: readonly RunRecord[], expireBeforeUnixMs: number | undefined): void;
  selectRuns(query: RunsQuery): readonly Run[];
  selectTargets(query: TargetsQuery): readonly TargetState[];
  close(): void;
}

export interface Call {
  readonly id: number;
  readonly command: keyof Commands;
  readonly parameters: readonly unknown[];
}

export interface Outcome {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: { readonly message: string; readonly sqliteCode: number | undefined };
}

/** What went wrong with a call, or with the thread. */
export class HistoryError extends Error {
  override readonly name = 'HistoryError';
  /** SQLite's primary result code; undefined when SQLite was not what failed. */
  readonly sqliteCode: number | undefined;

  constructor(message: string, sqliteCode?: number) {
    super(message);
    this.sqliteCode = sqliteCode;
  }
}

interface Waiting {
  readonly settle: (outcome: Outcome) => void;
  readonly fail: (error: HistoryError) => void;
}

/** The worker thread of one history file. A thread that died is replaced at the next call. */
export class HistoryThread implements AsyncDisposable {
  readonly #path: string;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #calls = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** Rejects with a HistoryError. */
  call<Name extends keyof Commands>(
    command: Name,
    ...parameters: Parameters<Commands[Name]>
  ): Promise<ReturnType<Commands[Name]>> {
    const { promise, resolve, reject } = Promise.withResolvers<ReturnType<Commands[Name]>>();
    const id = ++this.#calls;
    this.#waiting.set(id, {
      settle: ({ result, error }) => {
        if (error) reject(new HistoryError(error.message, error.sqliteCode));
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the worker implements Commands
        else resolve(result as ReturnType<Commands[Name]>);
      },
      fail: reject,
    });
    this.#worker ??= this.#begin();
    this.#worker.postMessage({ id, command, parameters } satisfies Call);
    return promise;
  }

  /** Everything called before is done first. */
  async [Symbol.asyncDispose](): Promise<void> {
    const worker = this.#worker;
    if (worker === undefined) return;
    const exited = once(worker, 'exit');
    // One that failed has ended, too.
    await this.call('close').catch(() => undefined);
    await exited;
  }

  #begin(): Worker {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), {
      workerData: { path: this.#path },
    });
    worker.on('message', (outcome: Outcome) => {
      const waiting = this.#waiting.get(outcome.id);
      this.#waiting.delete(outcome.id);
      waiting?.settle(outcome);
    });
    worker.on('error', (error: unknown) => this.#end(worker, messageOf(error)));
    worker.on('exit', () => this.#end(worker, 'the thread of the history ended'));
    return worker;
  }

  /** A thread that fails tells it twice, and its successor may be at work by then. */
  #end(worker: Worker, message: string): void {
    if (worker !== this.#worker) return;
    this.#worker = undefined;
    for (const { fail } of this.#waiting.values()) fail(new HistoryError(message));
    this.#waiting.clear();
  }
}
