/** A block as a consumer reads it. */
export interface QueueEntry {
  /** Counts blocks from 1, without gaps, over restarts. */
  readonly position: number;
  readonly block: Uint8Array;
  readonly appendedUnixMs: number;
}

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
  readonly droppedBlocks: number;
  readonly droppedBytes: number;
}

/**
 * A durable first-in first-out log of opaque blocks with several consumers. One process at a time.
 * Reading and acknowledging go in position order per consumer.
 */
export interface Queue extends AsyncDisposable {
  /** Identifies this log from its creation on: positions of another id mean nothing to it. */
  readonly id: string;
  /**
   * What its owner must know after a restart: the newest readable checkpoint, and all blocks
   * appended after it, delivered or not.
   */
  readonly recovered: {
    readonly checkpoint: Uint8Array | undefined;
    readonly since: readonly QueueEntry[];
  };
  /** Resolves to the block's position once it is on disk. Rejects with QueueFullError, or the disk's own error. */
  append(block: Uint8Array): Promise<number>;
  /**
   * Waits until something is there for the consumer, then gives the oldest entries in order: as many
   * as fit into `bytesMax`, at least one. Reading moves nothing: it gives the same until acknowledged.
   */
  read(consumer: string, bytesMax: number, signal: AbortSignal): Promise<readonly QueueEntry[]>;
  /** The consumer is done with everything up to and including `position`; durable when it resolves. */
  acknowledge(consumer: string, position: number): Promise<void>;
  statistics(consumer: string): ConsumerStatistics;
}
