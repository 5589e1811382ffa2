import type { Clock } from '#lib/clock';
import type { Positions } from './consumers/positions.ts';
import { QueueFullError } from './errors.ts';
import type { QueueIncident } from './incident.ts';
import type { SegmentLog } from './log.ts';

/** Somebody who reads every block, at a pace and position of its own. */
export interface ConsumerOptions {
  readonly name: string;
  /** What may wait for this consumer; beyond it the oldest is dropped and counted… */
  readonly bytesMax: number;
  readonly ageMaxMs: number;
  /** …unless the consumer is required: then `append` rejects with QueueFullError instead. */
  readonly required: boolean;
}

export interface ConsumerStatistics {
  readonly pendingBlocks: number;
  readonly pendingBytes: number;
  /** When the oldest waiting block was appended; undefined when nothing waits. */
  readonly oldestUnixMs: number | undefined;
  /** Given up since the queue was opened; a block that was being delivered at that moment included. */
  readonly droppedBlocks: number;
  readonly droppedBytes: number;
}

/** A consumer and how far it is. */
export interface Consumer {
  readonly options: ConsumerOptions;
  /** Position up to which it is done: acknowledged, or dropped. */
  done: number;
  droppedBlocks: number;
  droppedBytes: number;
}

interface Parts {
  readonly log: SegmentLog;
  readonly positions: Positions;
  readonly clock: Clock;
  readonly directory: string;
  readonly report: (incident: QueueIncident) => void;
}

/** The consumers, what may wait for each, and what can be deleted because all are done with it. */
export class Consumers {
  readonly #parts: Parts;
  readonly #consumers: ReadonlyMap<string, Consumer>;
  #tidying: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: readonly ConsumerOptions[], parts: Parts) {
    this.#parts = parts;
    this.#consumers = new Map(
      options.map((consumer) => {
        const done = parts.positions.durable(consumer.name);
        return [consumer.name, { options: consumer, done, droppedBlocks: 0, droppedBytes: 0 }];
      }),
    );
  }

  get(name: string): Consumer {
    const consumer = this.#consumers.get(name);
    if (!consumer) throw new Error(`the queue has no consumer ${JSON.stringify(name)}`);
    return consumer;
  }

  statistics(name: string): ConsumerStatistics {
    const { done, droppedBlocks, droppedBytes } = this.get(name);
    const { blocks, bytes, oldestUnixMs } = this.#parts.log.pendingAfter(done);
    return {
      pendingBlocks: blocks,
      pendingBytes: bytes,
      oldestUnixMs,
      droppedBlocks,
      droppedBytes,
    };
  }

  /** Throws QueueFullError when a required consumer is too far behind for `moreBytes`. */
  checkRoom(moreBytes: number): void {
    for (const consumer of this.#consumers.values()) {
      const { name, required, bytesMax, ageMaxMs } = consumer.options;
      if (!required) continue;
      const bound = this.#exceeded(consumer, moreBytes);
      if (bound === 'bytes') {
        throw new QueueFullError(name, `more than ${bytesMax} bytes would wait for it`);
      }
      if (bound === 'age') {
        throw new QueueFullError(name, `the oldest block waits for more than ${ageMaxMs} ms`);
      }
    }
  }

  /** Gives up the oldest blocks of those consumers that are beyond a bound and not required. */
  async enforceAllBounds(): Promise<void> {
    for (const consumer of this.#consumers.values()) await this.enforceBounds(consumer);
  }

  /** Gives up the oldest blocks of a consumer that is not required while it is beyond a bound. */
  async enforceBounds(consumer: Consumer): Promise<void> {
    if (consumer.options.required) return;
    const dropped = { bytes: { blocks: 0, bytes: 0 }, age: { blocks: 0, bytes: 0 } };
    while (this.#exceeded(consumer) !== undefined) {
      // Loads the index, so that the next look is exact.
      const oldest = await this.#parts.log.placeAfter(consumer.done);
      const bound = this.#exceeded(consumer);
      if (!oldest || !bound) break;
      if (oldest.position <= consumer.done) continue;
      consumer.done = oldest.position;
      dropped[bound].blocks += 1;
      dropped[bound].bytes += oldest.length;
    }
    for (const reason of ['bytes', 'age'] as const) {
      if (dropped[reason].blocks > 0) this.#noteDropped(consumer, reason, dropped[reason]);
    }
  }

  /** Resolves when it is on disk that the consumer is done with everything up to `position`. */
  async acknowledge(consumer: Consumer, position: number): Promise<void> {
    await this.#parts.positions.set(consumer.options.name, position);
    consumer.done = Math.max(consumer.done, position);
    await this.tidy();
  }

  /**
   * Deletes what every consumer is durably done with, and has in memory the indexes of the segments where
   * they are, and no others. A failure is reported, and tried again the next time.
   */
  tidy(): Promise<void> {
    this.#tidying = this.#tidyAfter(this.#tidying);
    return this.#tidying;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#tidying;
    await this.#parts.positions.close();
  }

  async #tidyAfter(earlier: Promise<void>): Promise<void> {
    await earlier;
    if (this.#closed) return;
    const { log, positions } = this.#parts;
    try {
      await log.deleteThrough(positions.lowestDurable);
      await log.releaseAllBut([...this.#consumers.values()].map(({ done }) => done));
      for (const { done } of this.#consumers.values()) await log.placeAfter(done);
    } catch (error) {
      this.#reportTrouble(error);
    }
  }

  #exceeded({ options, done }: Consumer, moreBytes = 0): 'bytes' | 'age' | undefined {
    const { bytes, oldestUnixMs } = this.#parts.log.pendingAfter(done);
    if (bytes + moreBytes > options.bytesMax) return 'bytes';
    const ageMs = this.#parts.clock.unixMs() - (oldestUnixMs ?? Infinity);
    return ageMs > options.ageMaxMs ? 'age' : undefined;
  }

  #noteDropped(
    consumer: Consumer,
    reason: 'bytes' | 'age',
    { blocks, bytes }: { blocks: number; bytes: number },
  ): void {
    consumer.droppedBlocks += blocks;
    consumer.droppedBytes += bytes;
    const { name } = consumer.options;
    this.#parts.report({ kind: 'dropped', consumer: name, blocks, bytes, reason });
    this.acknowledge(consumer, consumer.done).catch((error: unknown) => this.#reportTrouble(error));
  }

  #reportTrouble(error: unknown): void {
    this.#parts.report({ kind: 'trouble', file: this.#parts.directory, error });
  }
}
