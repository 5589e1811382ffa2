import type { Clock } from '#lib/clock';
import type { Logger } from '#lib/log';
import { decodeLogsJson } from '#lib/otlp/json-logs';
import { decodeMetricsJson } from '#lib/otlp/json-metrics';
import { type DecodeLimits, TooManyError } from '#lib/otlp/limits';
import { decodeLogs, encodeLogs } from '#lib/otlp/logs';
import { decodeMetrics, encodeMetrics } from '#lib/otlp/metrics';
import { DecodeError } from '#lib/protobuf/reader';
import { DiskFullError, QueueFullError } from '#lib/queue';
import { Throttle } from '#lib/throttle';
import type { CollectorConfiguration } from './config.ts';
import type { Identity } from './keys.ts';
import type { CollectorQueue } from './queue.ts';
import type { OutboxRange, Signal } from './queue/block.ts';
import { compress, type Payload } from './queue/payload.ts';
import {
  type Admission,
  admitLogs,
  admitPoints,
  type AdmissionRules,
} from './receiver/admission.ts';
import { SeriesLimit } from './receiver/series-limit.ts';
import type { Telemetry } from './receiver/telemetry.ts';

export type Encoding = 'protobuf' | 'json';

/** A whole request, its sender known. */
export interface ExportRequest {
  readonly signal: Signal;
  readonly encoding: Encoding;
  readonly identity: Identity;
  /** Undefined for a sender that does not number its requests. */
  readonly range: OutboxRange | undefined;
  /** By how much the sender says its clock is ahead of this one. */
  readonly clockOffsetMs?: number | undefined;
  /** Decompressed. */
  readonly body: Uint8Array;
  /** The same as it arrived, where it came compressed. */
  readonly gzip?: Uint8Array | undefined;
}

/** What the sender is told. */
export type ExportAnswer =
  /** All but `rejected` is on disk. */
  | {
      readonly kind: 'accepted';
      readonly rejected: number;
      /** Says why, where something was rejected. */
      readonly message: string;
      /** Position of the sender's outbox up to which everything is on disk. */
      readonly through: number | undefined;
    }
  /** The sender must not send the same again. */
  | { readonly kind: 'undecodable' | 'too_many'; readonly message: string }
  /** Items name another agent or region than the key is for: the key or the name is wrong, not the data. */
  | { readonly kind: 'foreign'; readonly message: string }
  /** The sender is to keep it, and to send the same again later. */
  | { readonly kind: 'later'; readonly message: string; readonly afterSeconds: number };

export interface ReceiverOptions {
  readonly limits: CollectorConfiguration['limits'];
  readonly queue: CollectorQueue;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly log: Logger;
}

/** What is left of a request once every item has been judged. */
interface Judged extends Omit<Admission<unknown>, 'isUnchanged'> {
  readonly payload: Payload;
}

/** Clocks are never quite right: so far ahead, data go on at once. */
const aheadMsMax = 60_000;
const holdSecondsMax = 300;
const queueFullSeconds = 10;
const troubleSeconds = 30;
const reportEveryMs = 3_600_000;

/** Bounds that no setting changes; a point has far fewer of everything. */
const pointLimits = { items: 250_000, name: 256, value: 4096, buckets: 256 };
const recordLimits = { items: 250_000, attributes: 128, name: 256, value: 64 * 1024, buckets: 0 };

/**
 * Judges what was posted, and answers once all that is good in it is on disk. What can never be
 * accepted is counted and told; trouble of our own makes the sender keep its data.
 */
export class Receiver {
  readonly #options: ReceiverOptions;
  readonly #seriesLimits = new Map<string, SeriesLimit>();
  readonly #rejectionReports: Throttle;
  #lastTrouble: { readonly message: string; readonly atMs: number } | undefined;

  constructor(options: ReceiverOptions) {
    this.#options = options;
    this.#rejectionReports = new Throttle(reportEveryMs, options.clock);
  }

  /** Why data were refused a moment ago, if they were and none have been stored since. */
  get trouble(): string | undefined {
    const { message, atMs = -Infinity } = this.#lastTrouble ?? {};
    const agoMs = this.#options.clock.monotonicMs() - atMs;
    return agoMs < troubleSeconds * 1000 ? message : undefined;
  }

  async receive(request: ExportRequest): Promise<ExportAnswer> {
    try {
      const judged = request.signal === 'metrics' ? this.#metrics(request) : this.#logs(request);
      return await this.#keep(request, judged);
    } catch (error) {
      if (error instanceof TooManyError) return { kind: 'too_many', message: error.message };
      if (error instanceof DecodeError) return { kind: 'undecodable', message: error.message };
      return this.#trouble(error);
    }
  }

  #metrics(request: ExportRequest): Judged {
    const { encoding, body, identity } = request;
    const decode = encoding === 'json' ? decodeMetricsJson : decodeMetrics;
    const limits: DecodeLimits = { ...pointLimits, attributes: this.#options.limits.labelsMax };
    const { points, rejected } = decode(body, limits);
    const admission = admitPoints(points, rejected, this.#rules(identity));
    const payload = payloadOf(request, admission, encodeMetrics);
    return { ...admission, payload };
  }

  #logs(request: ExportRequest): Judged {
    const { encoding, body, identity } = request;
    const decode = encoding === 'json' ? decodeLogsJson : decodeLogs;
    const { records, rejected } = decode(body, recordLimits);
    const admission = admitLogs(records, rejected, this.#rules(identity));
    const payload = payloadOf(request, admission, encodeLogs);
    return { ...admission, payload };
  }

  #rules(identity: Identity): AdmissionRules {
    const { limits, clock } = this.#options;
    return {
      identity,
      nowUnixMs: clock.unixMs(),
      futureMsMax: limits.futureMsMax,
      hasRoom: this.#seriesLimitOf(identity.keyId).admission(),
    };
  }

  #seriesLimitOf(keyId: string): SeriesLimit {
    const { limits, clock } = this.#options;
    const limit = this.#seriesLimits.get(keyId) ?? new SeriesLimit(limits.seriesMax, clock);
    this.#seriesLimits.set(keyId, limit);
    return limit;
  }

  async #keep(request: ExportRequest, judged: Judged): Promise<ExportAnswer> {
    const { signal, identity, range, clockOffsetMs } = request;
    const { queue, clock, telemetry } = this.#options;
    if (range !== undefined && judged.isForeign) return this.#foreign(request, judged);
    const receivedUnixMs = clock.unixMs();
    if (judged.agent !== '') telemetry.seen(judged.agent, receivedUnixMs, clockOffsetMs);
    if (range !== undefined && isMisdated(judged, clockOffsetMs)) {
      return this.#misdated(request, judged);
    }
    if (range !== undefined && judged.aheadMs > aheadMsMax) return hold(judged.aheadMs);
    if (range === undefined && judged.items.length === 0) return this.#accepted(request, judged);
    const { agent, payload } = judged;
    const { keyId } = identity;
    const block = { signal, agent, keyId, receivedUnixMs, range, payload };
    const acceptance = await queue.accept(block);
    this.#recovered();
    if (acceptance.stored) {
      // An agent has no logs to send for most of its runs, but points for each.
      if (signal === 'metrics') telemetry.missing.add(acceptance.missing, {});
      return this.#accepted(request, judged, acceptance.through);
    }
    telemetry.repeated.add(1, { signal });
    return { kind: 'accepted', rejected: 0, message: '', through: acceptance.through };
  }

  #accepted(
    { signal, identity }: ExportRequest,
    { items, rejected }: Judged,
    through?: number,
  ): ExportAnswer {
    const { telemetry } = this.#options;
    telemetry.accepted.add(items.length, { signal });
    for (const [reason, { count, example }] of rejected.reasons) {
      telemetry.rejected.add(count, { signal, reason });
      this.#reportRejection({ key: identity.keyId, signal, reason, example });
    }
    return { kind: 'accepted', rejected: rejected.count, message: describe(rejected), through };
  }

  /** An agent keeps what is refused, and so nothing is lost by a typing mistake in a key's line. */
  #foreign({ signal, identity }: ExportRequest, { rejected }: Judged): ExportAnswer {
    const example = rejected.reasons.get('identity')?.example ?? '';
    this.#options.telemetry.keysRejected.add(1, { reason: 'identity' });
    this.#reportRejection({ key: identity.keyId, signal, reason: 'identity', example });
    return { kind: 'foreign', message: example };
  }

  /** Which of the two clocks it is, nobody can tell here: the agent keeps its data until they agree. */
  #misdated({ signal, identity }: ExportRequest, { rejected }: Judged): ExportAnswer {
    const { example = '' } = rejected.reasons.get('future') ?? rejected.reasons.get('past') ?? {};
    const message = `held: ${example}, and one of the two clocks is wrong, this one or the sender's`;
    this.#reportRejection({ key: identity.keyId, signal, reason: 'clock', example: message });
    return { kind: 'later', message, afterSeconds: troubleSeconds };
  }

  /** The sender is told each time, the log once an hour for each key and reason. */
  #reportRejection(fields: {
    readonly key: string;
    readonly signal: Signal;
    readonly reason: string;
    readonly example: string;
  }): void {
    const what = [fields.key, fields.signal, fields.reason].join(' ');
    if (this.#rejectionReports.admits(what)) {
      this.#options.log.warn(fields, 'data of this key are refused');
    }
  }

  #trouble(error: unknown): ExportAnswer {
    const { clock, log } = this.#options;
    const isFull = error instanceof QueueFullError || error instanceof DiskFullError;
    const message = isFull ? error.message : 'cannot store: see the log of the collector';
    if (this.#lastTrouble === undefined || !isFull)
      log.error({ error }, 'cannot store what is posted');
    this.#lastTrouble = { message, atMs: clock.monotonicMs() };
    const afterSeconds = error instanceof QueueFullError ? queueFullSeconds : troubleSeconds;
    return { kind: 'later', message, afterSeconds };
  }

  #recovered(): void {
    if (this.#lastTrouble === undefined) return;
    this.#lastTrouble = undefined;
    this.#options.log.info('storing again what is posted');
  }
}

/** What is posted the way it is kept anyway costs no work. */
function payloadOf<Item>(
  { encoding, body, gzip }: ExportRequest,
  { isUnchanged, items }: Admission<Item>,
  encode: (items: readonly Item[]) => Uint8Array,
): Payload {
  if (encoding !== 'protobuf' || !isUnchanged) return compress(encode(items));
  return gzip === undefined ? compress(body) : { gzip, inflatedBytes: body.length };
}

/** Data out of time, of an agent whose clock is off, or who does not know yet whether it is. */
function isMisdated({ rejected }: Judged, clockOffsetMs = Infinity): boolean {
  const isOutOfTime = rejected.reasons.has('future') || rejected.reasons.has('past');
  return isOutOfTime && Math.abs(clockOffsetMs) > aheadMsMax;
}

function hold(aheadMs: number): ExportAnswer {
  const seconds = Math.ceil((aheadMs - aheadMsMax) / 1000);
  return {
    kind: 'later',
    message: `held until due: data are ${Math.round(aheadMs / 1000)} s ahead of this clock; set the clock of the sender`,
    afterSeconds: Math.min(seconds, holdSecondsMax),
  };
}

function describe({ count, reasons }: Judged['rejected']): string {
  if (count === 0) return '';
  const parts = reasons
    .entries()
    .map(([reason, detail]) => `${detail.count} ${reason} (for example ${detail.example})`);
  return `${count} rejected: ${[...parts].join('; ')}`;
}
