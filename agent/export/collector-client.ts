import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { Agent, type Dispatcher, request } from 'undici';
import type { Clock } from '#lib/clock';
import { messageOf } from '#lib/error-message';
import { decodeExportResponse, decodeStatus } from '#lib/otlp/status';
import { retryAfterMs } from '#lib/retry-after';
import type { Secret } from '#lib/secret';
import { unlessAborted } from '#lib/unless-aborted';
import { createLookup } from '#checks/net/lookup';

/** What became of a request, and so what is done next. */
export type Outcome =
  /**
   * Answered with success. A Farpoint collector says up to which position it holds this outbox; where
   * that is not all of the request, nothing of it was taken, and the rest must be sent.
   */
  | {
      readonly kind: 'delivered';
      readonly heldThrough: number | undefined;
      readonly rejectedItems: number;
      readonly message: string;
    }
  /** Try the same again, not before `afterMs`. */
  | { readonly kind: 'retry'; readonly message: string; readonly afterMs: number }
  /** This endpoint takes nothing from this agent as things are configured. */
  | { readonly kind: 'refused'; readonly message: string }
  /** This content, whoever sends it, is not taken: too large, or not understood. */
  | { readonly kind: 'rejected'; readonly message: string };

export interface Shipment {
  readonly kind: 'metrics' | 'logs';
  /** An OTLP export request. */
  readonly body: Uint8Array;
  /** The outbox and the positions in it that the body is made of; absent for a body of no positions. */
  readonly sequence?: { readonly outbox: string; readonly first: number; readonly last: number };
}

export interface CollectorClientOptions {
  readonly url: string;
  readonly key: Secret | undefined;
  readonly userAgent: string;
  readonly clock: Clock;
}

const connectTimeoutMs = 10_000;
const answerTimeoutMs = 30_000;
/** Answers are short; of a longer one the rest is not read. */
const answerBytesMax = 64 * 1024;
const retryAfterMaxMs = 3_600_000;

const compress = promisify(gzip);

/**
 * Speaks OTLP/HTTP with one endpoint (opentelemetry-proto, docs/specification.md), one request at a
 * time over a connection that is kept. A Farpoint collector is told which part of which outbox a
 * request is, and how far apart the clocks are; it may say how far it holds the outbox. Any other
 * endpoint ignores that.
 */
export class CollectorClient implements AsyncDisposable {
  readonly url: string;
  readonly #options: CollectorClientOptions;
  readonly #closed = new AbortController();
  readonly #dispatcher = new Agent({
    connections: 1,
    connect: { timeout: connectTimeoutMs, lookup: createLookup(this.#closed.signal) },
    headersTimeout: answerTimeoutMs,
    bodyTimeout: answerTimeoutMs,
  });
  readonly #offsets: ClockSample[] = [];

  constructor(options: CollectorClientOptions) {
    this.url = options.url.replace(/\/+$/, '');
    this.#options = options;
  }

  /** Never rejects for what the endpoint or the network did; rejects with the signal's reason. */
  async send(shipment: Shipment, signal: AbortSignal): Promise<Outcome> {
    const body = await compress(shipment.body);
    const sentUnixMs = this.#options.clock.unixMs();
    const sentMs = this.#options.clock.monotonicMs();
    try {
      // undici notices the signal only once it is connected, which may take its time.
      const response = await unlessAborted(
        request(`${this.url}/v1/${shipment.kind}`, {
          method: 'POST',
          headers: this.#headers(shipment),
          body,
          dispatcher: this.#dispatcher,
          signal,
        }),
        signal,
      );
      if (response === undefined) throw signal.reason;
      this.#observeClock(response, sentUnixMs, this.#options.clock.monotonicMs() - sentMs);
      const answer = await readAnswer(response);
      return verify(interpret(response, answer, this.#options.clock.unixMs()), shipment);
    } catch (error) {
      signal.throwIfAborted();
      return { kind: 'retry', message: describe(error), afterMs: 0 };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
    await this.#dispatcher.destroy();
  }

  #headers({ sequence }: Shipment): Record<string, string> {
    const { key, userAgent } = this.#options;
    const clockOffsetMs = this.#clockOffsetMs();
    return {
      'content-type': 'application/x-protobuf',
      'content-encoding': 'gzip',
      'user-agent': userAgent,
      ...(key === undefined ? {} : { authorization: `Bearer ${key.reveal()}` }),
      ...(sequence === undefined
        ? {}
        : {
            'farpoint-outbox': sequence.outbox,
            'farpoint-sequence': `${sequence.first}-${sequence.last}`,
          }),
      ...(clockOffsetMs === undefined
        ? {}
        : { 'farpoint-clock-offset': String(Math.round(clockOffsetMs)) }),
    };
  }

  /** By how much this clock is ahead of the collector's, as the shortest trip tells; undefined while unknown. */
  #clockOffsetMs(): number | undefined {
    const [best] = this.#offsets.toSorted((left, right) => left.roundTripMs - right.roundTripMs);
    return best?.offsetMs;
  }

  /** The collector's clock was read somewhere between sending and receiving. */
  #observeClock(
    { headers }: Dispatcher.ResponseData,
    sentUnixMs: number,
    roundTripMs: number,
  ): void {
    const collectorUnixMs = numberIn(headers['farpoint-time']);
    if (collectorUnixMs === undefined) return;
    const offsetMs = sentUnixMs + roundTripMs / 2 - collectorUnixMs;
    this.#offsets.push({ offsetMs, roundTripMs });
    if (this.#offsets.length > 8) this.#offsets.shift();
  }
}

interface ClockSample {
  readonly offsetMs: number;
  readonly roundTripMs: number;
}

function interpret(
  { statusCode, headers }: Dispatcher.ResponseData,
  answer: Buffer,
  nowUnixMs: number,
): Outcome {
  if (statusCode >= 200 && statusCode < 300) {
    // A page for people: a proxy or the wrong address, where results would be gone.
    if (isPage(headers)) return { kind: 'refused', message: `HTTP ${statusCode} with a web page` };
    const { rejected, message } = tolerate(() => decodeExportResponse(answer)) ?? nothingRejected;
    const heldThrough = numberIn(headers['farpoint-accepted-through']);
    return { kind: 'delivered', heldThrough, rejectedItems: rejected, message };
  }
  const why = explain(headers['content-type'], answer);
  const message = `HTTP ${statusCode}${why === '' ? '' : `: ${why}`}`;
  if ([400, 413, 422].includes(statusCode)) return { kind: 'rejected', message };
  if (statusCode === 408 || statusCode === 429 || statusCode >= 500) {
    const afterMs = retryAfterMs(headers['retry-after'], nowUnixMs) ?? 0;
    return { kind: 'retry', message, afterMs: Math.min(afterMs, retryAfterMaxMs) };
  }
  return { kind: 'refused', message };
}

/** A collector that says it holds nothing of what was sent has not taken it, whatever else it says. */
function verify(outcome: Outcome, { sequence }: Shipment): Outcome {
  if (outcome.kind !== 'delivered' || outcome.heldThrough === undefined) return outcome;
  if (sequence === undefined || outcome.heldThrough >= sequence.first) return outcome;
  const message = `it holds this outbox only up to ${outcome.heldThrough}`;
  return { kind: 'retry', message, afterMs: 0 };
}

function isPage(headers: Dispatcher.ResponseData['headers']): boolean {
  return String(headers['content-type']).startsWith('text/html');
}

const nothingRejected = { rejected: 0, message: '' };

/** Reads what is read of an answer; a longer one costs the connection, not memory. */
async function readAnswer({ body }: Dispatcher.ResponseData): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    const bytes = Buffer.from(chunk);
    chunks.push(bytes);
    length += bytes.length;
    if (length > answerBytesMax) break;
  }
  return Buffer.concat(chunks).subarray(0, answerBytesMax);
}

/** A google.rpc.Status where the endpoint follows the protocol, the first line of the text where not. */
function explain(contentType: string | string[] | undefined, answer: Buffer): string {
  if (String(contentType).startsWith('application/x-protobuf')) {
    return tolerate(() => decodeStatus(answer))?.message ?? '';
  }
  const [line = ''] = answer.toString().trim().split('\n');
  return line.slice(0, 200);
}

function numberIn(value: string | string[] | undefined): number | undefined {
  return typeof value === 'string' && /^\d+(\.\d+)?$/.test(value.trim())
    ? Number(value)
    : undefined;
}

function tolerate<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch {
    return undefined;
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const message = messageOf(error) || error.name;
  const code = 'code' in error ? String(error.code) : '';
  return message.includes(code) ? message : `${message} (${code})`;
}
