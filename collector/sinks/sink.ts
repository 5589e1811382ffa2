import { type LogRecord, type MetricPoint } from '#lib/otlp/model';

/** What one delivery carries. A sink leaves alone what it has no place for (logs, in Prometheus). */
export interface Batch {
  readonly points: readonly MetricPoint[];
  readonly logs: readonly LogRecord[];
}

/** What became of a delivery, and so what the forwarder does next. */
export type Delivery =
  /** The backend acknowledged all of it. */
  | { readonly kind: 'delivered' }
  /** Try the same again, not before `afterMs` where the backend said so. */
  | { readonly kind: 'retry'; readonly error: Error; readonly afterMs?: number }
  /** The backend will never take this batch as it is: bisect it, dead-letter what offends. */
  | { readonly kind: 'rejected'; readonly error: Error };

/** A place to deliver to. `deliver` never rejects for what the backend or the network did. */
export interface Sink extends AsyncDisposable {
  deliver(batch: Batch, signal: AbortSignal): Promise<Delivery>;
}
