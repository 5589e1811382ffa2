import { type Batch } from './sinks/sink.ts';

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
