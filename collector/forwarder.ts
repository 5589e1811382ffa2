/*
 * Carries batches from one sink's position in the queue to that sink.
 *
 * Promises
 *   order       a series' points reach the sink in order: one delivery in flight, parts in turn
 *   no loss     a batch is acknowledged when each of its points and log records is delivered or in
 *               the dead letters, on disk; until then a restart delivers it again
 *   no stall    what the backend refuses is halved until the offender stands alone; that one is set
 *               aside and everything else is delivered
 *   patience    an outage is not a refusal: it is waited out, however long it takes
 *
 * How a refusal is told from an outage
 *   rejected    the sink says that the backend will never take this: halve at once. A single item is
 *               then set aside only if a canary fares better: a proxy and a wrong path also answer 400,
 *               to everything. What speaks of the data themselves (their age, their order) needs none.
 *   retry       may be either: a backend may answer 500 to one sample for ever. After `patience`
 *               failures each further one is followed by a canary of the sink's, a harmless point. The
 *               canary fails too: an outage, wait on. It is taken: halve, and for a single item repeat
 *               until `proofs` failures in a row each had a canary taken after it. A backend that
 *               asks for patience may find a batch too large, but says nothing against an item.
 *
 * Late data
 *   What most often is refused is a backlog that is older than the backend takes. Halving it point by
 *   point would be two requests a point. Age is the same for all series, so a canary dated like the
 *   newest point of a part tells whether all of the part is too old; it is then set aside whole.
 *
 * Doubles
 *   A batch can reach the backend twice: after a kill between its acknowledgement and ours, and after
 *   an answer that got lost. A backend that takes no repetition (Prometheus without an out-of-order
 *   window) then refuses what it already has. Such a refusal of something that was sent before is
 *   counted as `repeated`, not as `deadLettered`; since it cannot be told for certain from data that
 *   is truly late, a copy goes to the dead letters all the same.
 */
import { BackOff } from '#lib/back-off';
import type { Clock } from '#lib/clock';
import type { Logger } from '#lib/log';
import type { DeadLetters } from './forwarder/dead-letters.ts';
import { bySeries, byTime, countItems, divide, halve, unixMsOf } from './forwarder/division.ts';
import { type ForwarderStatistics, ForwarderProgress } from './forwarder/progress.ts';
import type { Batch, Delivery, Sink } from './sinks/sink.ts';

/** Where a forwarder takes its work from: one sink's position in the collector's queue. */
export interface BatchSource {
  /** Waits for the oldest batch this sink has not acknowledged. */
  next(signal: AbortSignal): Promise<PendingBatch>;
}

export interface PendingBatch {
  readonly batch: Batch;
  /** Durable when it resolves: this sink never sees the batch again. */
  acknowledge(): Promise<void>;
}

export interface ForwarderOptions {
  readonly sink: Sink;
  readonly source: BatchSource;
  readonly deadLetters: DeadLetters;
  readonly clock: Clock;
  /** Carries the sink's name. */
  readonly log: Logger;
}

const patience = 5;
const proofs = 8;
const backOff = { initialMs: 500, maxMs: 60_000 };
/** How long a stop waits for the delivery in flight. */
const graceMs = 5_000;

type Rejection = Extract<Delivery, { kind: 'rejected' }>;

/** What is known of a part before it is tried. */
interface Past {
  /** The backend may have it already. */
  readonly sent: boolean;
  /** It comes out of a part that failed while a canary was taken. */
  readonly suspect: boolean;
}

/** Why a part is not taken, and what that says of its halves. */
interface Refusal extends Past {
  readonly error: Error;
  readonly repeated: boolean;
  readonly tooOld: boolean;
}

/** Forwards to one sink, from `start` until it is disposed. */
export class Forwarder implements AsyncDisposable {
  readonly #options: ForwarderOptions;
  readonly #progress: ForwarderProgress;
  readonly #backOff = new BackOff(backOff);
  /** Ends every wait. */
  readonly #stop = new AbortController();
  /** Ends the delivery in flight. */
  readonly #cut = new AbortController();
  #running = Promise.resolve();
  #inspected = false;

  constructor(options: ForwarderOptions) {
    this.#options = options;
    this.#progress = new ForwarderProgress(options.clock, options.log);
  }

  get statistics(): ForwarderStatistics {
    return this.#progress.statistics;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** The delivery in flight may still end. What is not acknowledged by then comes again after the next start. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    const stopped = new AbortController();
    this.#options.clock.sleep(graceMs, stopped.signal).then(
      () => this.#cut.abort(),
      () => undefined,
    );
    await this.#running;
    stopped.abort();
  }

  async #run(): Promise<void> {
    try {
      // The first batch may have reached the backend just before the previous process ended.
      for (let sent = true; !this.#stop.signal.aborted; sent = false) {
        const pending = await this.#insist(() => this.#options.source.next(this.#stop.signal));
        await this.#forward(pending, sent);
      }
    } catch (error) {
      if (!this.#stop.signal.aborted) throw error;
    }
  }

  async #forward(pending: PendingBatch, sent: boolean): Promise<void> {
    const { itemsMax = Infinity } = this.#options.sink;
    for (const part of divide(pending.batch, itemsMax)) {
      await this.#settle(part, { sent, suspect: false });
    }
    await this.#insist(() => pending.acknowledge());
  }

  /** Returns when all of the part is delivered or in the dead letters. */
  async #settle(part: Batch, past: Past): Promise<void> {
    const refusal = await this.#deliver(part, past);
    if (refusal === undefined) return;
    const halves = halve(part, refusal.tooOld ? byTime : bySeries);
    if (halves === undefined || (refusal.tooOld && (await this.#isAllTooOld(part)))) {
      await this.#setAside(part, refusal);
    } else {
      for (const half of halves) await this.#settle(half, refusal);
    }
  }

  /** Tries until the part is delivered, or known to be refused. */
  async #deliver(part: Batch, past: Past): Promise<Refusal | undefined> {
    const isSingle = countItems(part) === 1;
    let { sent } = past;
    let proven = 0;
    for (let attempt = past.suspect ? patience : 1; ; attempt++) {
      const delivery = await this.#attempt(part);
      if (delivery.kind === 'retry') this.#stop.signal.throwIfAborted();
      this.#progress.attempted(part, delivery);
      switch (delivery.kind) {
        case 'delivered':
          this.#delivered();
          return undefined;
        case 'rejected':
          if (!isSingle || !(await this.#isRefusingAll(delivery))) return refusalOf(delivery, sent);
          this.#progress.failed(delivery.error);
          await this.#wait();
          break;
        case 'retry':
          sent = true;
          if (attempt >= patience && !(isSingle && delivery.afterMs !== undefined)) {
            proven = (await this.#canaryIsTaken()) ? proven + 1 : 0;
          }
          if (proven >= (isSingle ? proofs : 1)) {
            return { error: delivery.error, repeated: false, tooOld: false, sent, suspect: true };
          }
          await this.#wait(delivery.afterMs);
      }
    }
  }

  #delivered(): void {
    this.#backOff.reset();
    if (this.#inspected) return;
    this.#inspected = true;
    void this.#inspect();
  }

  async #attempt(batch: Batch): Promise<Delivery> {
    this.#cut.signal.throwIfAborted();
    try {
      return await this.#options.sink.deliver(batch, this.#cut.signal);
    } catch (error) {
      return { kind: 'retry', error: asError(error) };
    }
  }

  /** Whether a refusal may be the endpoint's fault, who takes nothing at all, and not the data's. */
  async #isRefusingAll(rejection: Rejection): Promise<boolean> {
    if (speaksOfData(rejection)) return false;
    const delivery = await this.#sendCanary(this.#options.clock.unixMs());
    if (delivery?.kind === 'rejected') return !speaksOfData(delivery);
    return delivery?.kind === 'retry';
  }

  async #canaryIsTaken(): Promise<boolean> {
    const delivery = await this.#sendCanary(this.#options.clock.unixMs());
    return delivery?.kind === 'delivered';
  }

  /** Times ahead of ours say nothing: they may be refused for being in the future. */
  async #isAllTooOld({ points, logs }: Batch): Promise<boolean> {
    const newestUnixMs = Math.max(...points.map(unixMsOf));
    if (logs.length > 0 || newestUnixMs > this.#options.clock.unixMs()) return false;
    const delivery = await this.#sendCanary(newestUnixMs);
    return delivery?.kind === 'rejected' && delivery.tooOld === true;
  }

  async #sendCanary(unixMs: number): Promise<Delivery | undefined> {
    const canary = this.#options.sink.canary?.(unixMs);
    return canary && this.#attempt(canary);
  }

  async #setAside(batch: Batch, { error, repeated }: Refusal): Promise<void> {
    const { deadLetters } = this.#options;
    await this.#insist(() => deadLetters.add({ batch, reason: error.message, repeated }));
    this.#progress.setAside(batch, error, repeated);
  }

  /** Repeats what fails for reasons of our own, a full disk for example. */
  async #insist<Result>(action: () => Promise<Result>): Promise<Result> {
    for (;;) {
      try {
        return await action();
      } catch (error) {
        this.#stop.signal.throwIfAborted();
        this.#progress.failed(asError(error));
        await this.#wait();
      }
    }
  }

  #wait(floorMs = 0): Promise<void> {
    return this.#options.clock.sleep(this.#backOff.next(floorMs), this.#stop.signal);
  }

  async #inspect(): Promise<void> {
    const { sink, log } = this.#options;
    const findings = (await sink.inspect?.(this.#stop.signal)) ?? [];
    for (const finding of findings)
      log.warn({ finding }, 'a setting of the backend endangers data');
  }
}

function refusalOf(rejection: Rejection, sent: boolean): Refusal {
  const { error, repeated = false, tooOld = false, partial = false } = rejection;
  return { error, repeated: sent && repeated, tooOld, sent: sent || partial, suspect: false };
}

function speaksOfData({ repeated, tooOld, partial }: Rejection): boolean {
  return repeated === true || tooOld === true || partial === true;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
