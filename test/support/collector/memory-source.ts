import type { BatchSource, PendingBatch } from '#collector/forwarder';
import type { Batch } from '#collector/sinks/sink';

/** Batches in memory, given again until they are acknowledged, as the collector's queue does. */
export class MemorySource implements BatchSource {
  acknowledged = 0;
  readonly #batches: Batch[];
  readonly #drained = Promise.withResolvers<void>();

  constructor(batches: readonly Batch[]) {
    this.#batches = [...batches];
  }

  /** Resolves when every batch is acknowledged. */
  get drained(): Promise<void> {
    return this.#drained.promise;
  }

  next(signal: AbortSignal): Promise<PendingBatch> {
    const [batch] = this.#batches;
    if (batch !== undefined) {
      return Promise.resolve({ batch, acknowledge: () => this.acknowledge() });
    }
    return new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  }

  acknowledge(): Promise<void> {
    this.#batches.shift();
    this.acknowledged += 1;
    if (this.#batches.length === 0) this.#drained.resolve();
    return Promise.resolve();
  }
}
