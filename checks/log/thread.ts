import { Worker } from 'node:worker_threads';
import { unlessAborted } from '#lib/unless-aborted';
import type { ReadOrder } from './reader.ts';
import type { ReaderSettings } from './reader-settings.ts';
import type { LogReading } from './reading.ts';

/** What the main thread asks of the worker. Numbers identify logs and, within the process, orders. */
export type Request =
  | { readonly kind: 'open'; readonly log: number; readonly settings: ReaderSettings }
  | { readonly kind: 'read'; readonly log: number; readonly id: number; readonly order: ReadOrder }
  | { readonly kind: 'abort'; readonly id: number }
  | { readonly kind: 'close'; readonly log: number };

/** The answer to `read`. */
export interface Response {
  readonly id: number;
  readonly result: { readonly reading: LogReading } | { readonly error: string };
}

/** How long the worker may take to notice that a run is over. */
const abortGraceMs = 1000;

/** A run makes few objects that live for long, and should not take memory for many that do not. */
const resourceLimits = { maxYoungGenerationSizeMb: 4 };

/** What the caller of a read decides; the rest of the order is the worker's business. */
type Order = Omit<ReadOrder, 'careful'>;

interface Pending extends PromiseWithResolvers<LogReading> {
  readonly log: number;
}

/**
 * The main thread's end of the worker that reads all logs, so that parsing never delays another check.
 * It starts with the first log. One that does not answer, because a disk hangs or a regular expression
 * takes for ever, is ended, and a new one starts with the next read.
 */
export class LogThread implements AsyncDisposable {
  #worker: Worker | undefined;
  /** Settles when a worker that was given up is gone. */
  #ending: Promise<unknown> | undefined;
  readonly #logs = new Map<number, ReaderSettings>();
  readonly #pending = new Map<number, Pending>();
  /** Logs that were being read when a worker was given up. */
  readonly #suspects = new Set<number>();
  #lastId = 0;

  /** Makes a log known; returns its number. */
  open(settings: ReaderSettings): number {
    const log = ++this.#lastId;
    this.#logs.set(log, settings);
    this.#post({ kind: 'open', log, settings });
    return log;
  }

  close(log: number): void {
    this.#logs.delete(log);
    this.#suspects.delete(log);
    this.#post({ kind: 'close', log });
  }

  /**
   * Reads a log once. On abort it resolves with what has been read by then; it rejects when the
   * worker does not answer soon after, or crashed: then nothing of this run counts.
   */
  async read(log: number, order: Order, signal: AbortSignal): Promise<LogReading> {
    if (this.#ending !== undefined) await unlessAborted(this.#ending, signal);
    if (this.#ending !== undefined) throw new Error('the log worker hangs');
    this.#worker ??= this.#start();
    this.#worker.ref();
    const id = ++this.#lastId;
    const pending = { ...Promise.withResolvers<LogReading>(), log };
    this.#pending.set(id, pending);
    let grace: NodeJS.Timeout | undefined;
    const abort = (): void => {
      this.#post({ kind: 'abort', id });
      grace = setTimeout(() => this.#giveUp(), abortGraceMs);
    };
    signal.addEventListener('abort', abort, { once: true });
    try {
      this.#post({ kind: 'read', log, id, order: { ...order, careful: this.#suspects.has(log) } });
      if (signal.aborted) abort();
      const reading = await pending.promise;
      if (reading.stalledLines > 0 || reading.backlogBytes === 0) this.#suspects.delete(log);
      return reading;
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

  #giveUp(): void {
    for (const { log } of this.#pending.values()) this.#suspects.add(log);
    const worker = this.#worker;
    if (worker === undefined) return;
    this.#ended(worker, new Error('the log worker does not answer'));
    this.#ending = worker.terminate().finally(() => (this.#ending = undefined));
  }

  #start(): Worker {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { resourceLimits });
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
