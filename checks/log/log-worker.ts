import { Worker } from 'node:worker_threads';
import { type ReadOrder } from './log-reader.ts';
import { type LogReading } from './reading.ts';
import { type LogSettings } from './settings.ts';
import { type Request, type Response } from './worker.ts';

/** How long the worker may take to notice that a run is over. */
const abortGraceMs = 500;

/**
 * The main thread's end of the worker that reads all logs, so that parsing never delays another
 * check. It starts with the first log, and again after a crash.
 */
export class LogWorker implements AsyncDisposable {
  #worker: Worker | undefined;
  readonly #logs = new Map<number, LogSettings>();
  readonly #pending = new Map<number, PromiseWithResolvers<LogReading>>();
  #lastId = 0;

  /** Makes a log known; returns its number. */
  open(settings: LogSettings): number {
    const log = ++this.#lastId;
    this.#logs.set(log, settings);
    if (this.#worker !== undefined) this.#post({ kind: 'open', log, settings });
    return log;
  }

  close(log: number): void {
    this.#logs.delete(log);
    this.#post({ kind: 'close', log });
  }

  /**
   * Reads a log once. On abort it resolves with what has been read by then; it rejects when the
   * worker does not answer soon after, or crashed: then nothing of this run counts.
   */
  async read(log: number, order: ReadOrder, signal: AbortSignal): Promise<LogReading> {
    this.#worker ??= this.#start();
    this.#worker.ref();
    const id = ++this.#lastId;
    const pending = Promise.withResolvers<LogReading>();
    this.#pending.set(id, pending);
    let grace: NodeJS.Timeout | undefined;
    const abort = (): void => {
      this.#post({ kind: 'abort', id });
      grace = setTimeout(
        () => pending.reject(new Error('the log worker does not answer')),
        abortGraceMs,
      );
    };
    try {
      this.#post({ kind: 'read', log, id, order });
      if (signal.aborted) abort();
      signal.addEventListener('abort', abort, { once: true });
      return await pending.promise;
    } finally {
      signal.removeEventListener('abort', abort);
      clearTimeout(grace);
      this.#pending.delete(id);
      if (this.#pending.size === 0) this.#worker?.unref();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(new URL(workerFile, import.meta.url));
    worker.on('message', ({ id, result }: Response) => {
      if ('reading' in result) this.#pending.get(id)?.resolve(result.reading);
      else this.#pending.get(id)?.reject(new Error(result.error));
    });
    worker.on('error', (error) => this.#ended(worker, error));
    worker.on('exit', () => this.#ended(worker, new Error('the log worker ended')));
    for (const [log, settings] of this.#logs) post(worker, { kind: 'open', log, settings });
    return worker;
  }

  #ended(worker: Worker, error: unknown): void {
    if (this.#worker === worker) this.#worker = undefined;
    for (const pending of this.#pending.values()) pending.reject(error);
  }

  #post(request: Request): void {
    if (this.#worker !== undefined) post(this.#worker, request);
  }
}

function post(worker: Worker, request: Request): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is for windows
  worker.postMessage(request);
}

/** The sources run as they are; what is published is compiled. */
const workerFile = import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js';
