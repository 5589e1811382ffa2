import { Worker } from 'node:worker_threads';
import { Failure } from '../net/failure.ts';
import type { Answer, Examination } from './examine.ts';

/** How long one body may be examined, however hard its expressions are. */
const timeMaxMs = 2000;
/** What the engines may fill of memory before the thread is given up. */
const heapMaxMiB = 256;

interface Job {
  readonly examination: Examination;
  readonly settle: (outcome: readonly Answer[] | Failure) => void;
}

/**
 * Examines what was received in a thread of its own, one body after the other: expressions from a
 * configuration (regular expressions, JSONata, selectors) meet text from strangers there, and may take
 * for ever. What takes longer than two seconds, or too much memory, is stopped with the thread, and
 * the run is `unknown`; the probes on the main thread notice nothing.
 */
export class Inspector implements AsyncDisposable {
  readonly #queue: Job[] = [];
  #current: Job | undefined;
  #worker: Worker | undefined;
  #ready = false;
  #timer: NodeJS.Timeout | undefined;

  /** Answers every question, in order; a Failure when that took too long. */
  async examine(
    examination: Examination,
    signal: AbortSignal,
  ): Promise<readonly Answer[] | Failure> {
    const { promise, resolve } = Promise.withResolvers<readonly Answer[] | Failure>();
    const job = { examination, settle: resolve };
    const abort = (): void => {
      this.#forget(job);
      resolve(
        Failure.unknown('agent_overloaded', 'the answer came, but could not be examined in time'),
      );
    };
    if (signal.aborted) abort();
    else this.#queue.push(job);
    signal.addEventListener('abort', abort, { once: true });
    this.#next();
    const outcome = await promise;
    signal.removeEventListener('abort', abort);
    return outcome;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    await this.#worker?.terminate();
  }

  #next(): void {
    this.#worker ??= this.#start();
    if (!this.#ready || this.#current !== undefined) return;
    this.#current = this.#queue.shift();
    if (this.#current === undefined) return;
    this.#worker.postMessage(this.#current.examination);
    this.#timer = setTimeout(() => this.#giveUp(`took longer than ${timeMaxMs} ms`), timeMaxMs);
  }

  /** The engines take a while to load: no examination pays for that. */
  #start(): Worker {
    const worker = new Worker(new URL('./inspector-worker.ts', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: heapMaxMiB },
    });
    worker.unref();
    worker.on('message', (message: 'ready' | Answer[]) => {
      if (worker !== this.#worker) return;
      if (message === 'ready') this.#ready = true;
      else this.#finish(message);
      this.#next();
    });
    worker.on('error', (error) => {
      if (worker === this.#worker) this.#giveUp(`failed: ${error.message}`);
    });
    return worker;
  }

  #forget(job: Job): void {
    const index = this.#queue.indexOf(job);
    if (index >= 0) this.#queue.splice(index, 1);
  }

  #giveUp(why: string): void {
    this.#current ??= this.#queue.shift();
    void this.#worker?.terminate();
    this.#worker = undefined;
    this.#ready = false;
    this.#finish(
      Failure.unknown(
        'expression_limit',
        `examining the answer ${why}: simplify the expressions of expect and values, or lower limit.text`,
      ),
    );
    if (this.#queue.length > 0) this.#next();
  }

  #finish(outcome: readonly Answer[] | Failure): void {
    clearTimeout(this.#timer);
    this.#current?.settle(outcome);
    this.#current = undefined;
  }
}
