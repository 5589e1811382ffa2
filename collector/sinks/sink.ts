import type { LookupFunction } from 'node:net';
import type { z } from 'zod';
import type { Clock } from '#lib/clock';
import type { LogRecord, MetricPoint } from '#lib/otlp/model';

/** What one delivery carries. A sink leaves alone what it has no place for (logs, in Prometheus). */
export interface Batch {
  readonly points: readonly MetricPoint[];
  readonly logs: readonly LogRecord[];
}

/** What became of a delivery, and so what the forwarder does next. */
export type Delivery =
  /** The backend acknowledged all of it. */
  | { readonly kind: 'delivered' }
  /** Try the same again, not before `afterMs` where the backend asks for patience. */
  | { readonly kind: 'retry'; readonly error: Error; readonly afterMs?: number }
  /** The backend will never take this batch as it is: bisect it, dead-letter what offends. */
  | {
      readonly kind: 'rejected';
      readonly error: Error;
      /** The reason is one that a second delivery of the same data meets too: out of order. */
      readonly repeated?: boolean;
      /** The reason is that something in it is too old, whatever its series. */
      readonly tooOld?: boolean;
      /** Some of it may have been stored all the same. */
      readonly partial?: boolean;
    };

/** A place to deliver to. `deliver` never rejects for what the backend or the network did. */
export interface Sink extends AsyncDisposable {
  /** How many points and records one delivery may carry, so that it is all or nothing; absent: any number. */
  readonly itemsMax?: number;
  deliver(batch: Batch, signal: AbortSignal): Promise<Delivery>;
  /**
   * A harmless batch of that time which the backend stores like any other: shows whether it takes
   * anything at all. Absent where every `retry` is an outage, whatever the batch.
   */
  canary?(unixMs: number): Batch;
  /**
   * Looks at the backend, once, after the first delivery: what in its settings endangers the data, as
   * sentences for the operator. None where nothing can be told. Never rejects.
   */
  inspect?(signal: AbortSignal): Promise<readonly string[]>;
}

/** Everything about one type of sink, in one file; `create` touches no network. */
export interface SinkType<Shape extends z.ZodRawShape = z.ZodRawShape> {
  readonly type: string;
  /** One sentence for the documentation. */
  readonly summary: string;
  /** The keys this type adds to the ones every sink has (name, type, queue, only, labels). */
  readonly settings: z.ZodObject<Shape>;
  /** Dotted paths (`*` for an index) of keys of a later version: refused by name until then. */
  readonly notBuilt?: readonly string[];
  create(spec: SinkSpec<z.output<z.ZodObject<Shape>>>): Promise<Sink>;
}

export interface SinkSpec<Settings> {
  readonly name: string;
  readonly settings: Settings;
  /** Added to all data where it has no label of that name. */
  readonly labels: Readonly<Record<string, string>>;
  /** The collector's data folder; a sink that keeps files makes its own folder or file in it. */
  readonly dataDirectory: string;
  readonly clock: Clock;
  readonly createLookup?: CreateLookup | undefined;
}

/** Makes what looks backends' names up, for `net.connect`; once the signal aborts, lookups fail. */
export type CreateLookup = (signal: AbortSignal) => LookupFunction;

/** Declares a sink type; add it to collector/sinks/registry.ts. */
export function defineSink<Shape extends z.ZodRawShape>(type: SinkType<Shape>): SinkType {
  return type;
}
