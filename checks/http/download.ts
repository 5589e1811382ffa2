import { createHash, type Hash } from 'node:crypto';
import { type Transform, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
} from 'node:zlib';
import type { Clock } from '#lib/clock';
import { arrivalMs } from '../net/arrival.ts';
import { Failure } from '../net/failure.ts';

/** What to do with a body while it goes by. */
export interface DownloadPlan {
  readonly bytesMax: number;
  /** Keep at most this much of the decoded body; 0 keeps nothing. */
  readonly textBytesMax: number;
  readonly checksum: boolean;
}

interface Decoder {
  readonly input: Writable;
  /** Resolves, never rejects, when all is decoded or cannot be. */
  readonly done: Promise<void>;
}

/** Decompression may lag behind by so much before no more is read: with less, its speed would be measured. */
const backlog: { readonly writableHighWaterMark: number; readonly chunkSize?: number } = {
  writableHighWaterMark: 4 * 1024 * 1024,
};

/** Given the first bytes where they are known. */
const decoders: Readonly<Record<string, (first?: Buffer) => Transform>> = {
  gzip: () => createGunzip(backlog),
  'x-gzip': () => createGunzip(backlog),
  deflate: (first) => (isZlib(first) ? createInflate(backlog) : createInflateRaw(backlog)),
  br: () => createBrotliDecompress(backlog),
  zstd: () => createZstdDecompress(backlog),
};

/**
 * Takes in one body piece by piece, and keeps none of it beyond what is asked for: counts bytes as they
 * came and after decompression, remembers the longest pause, and computes the checksum on the way.
 */
export class Download {
  /** Bytes as they came. */
  received = 0;
  /** Bytes after decompression; final once `finish` has resolved. */
  decoded = 0;
  /** Pieces in which they came. */
  pieces = 0;
  longestStallMs = 0;
  readonly #plan: DownloadPlan;
  readonly #clock: Clock;
  readonly #hash: Hash | undefined;
  readonly #kept: Buffer[] = [];
  /** In the order in which they are undone. */
  #codings: readonly string[] = [];
  #keptBytes = 0;
  #caughtUp: Promise<void> | undefined;
  #lastMs: number;
  #decoder: Decoder | undefined;
  #failure: Failure | undefined;

  constructor(plan: DownloadPlan, clock: Clock) {
    this.#plan = plan;
    this.#clock = clock;
    this.#lastMs = clock.monotonicMs();
    if (plan.checksum) this.#hash = createHash('sha256');
  }

  /** The headers are there: from now on the body is due, in these codings (RFC 9110, 8.4). */
  begin(contentEncoding: string): void {
    this.#lastMs = arrivalMs(this.#clock);
    const codings = contentEncoding
      .toLowerCase()
      .split(',')
      .map((coding) => coding.trim())
      .filter((coding) => coding !== '' && coding !== 'identity');
    if (codings.length === 0) return;
    const unknown = codings.find((coding) => !Object.hasOwn(decoders, coding));
    if (unknown !== undefined || codings.length > 3) {
      this.#failure = Failure.down(
        'body_encoding',
        `the body is encoded as ${contentEncoding}, which cannot be decoded`,
      );
      return;
    }
    this.#codings = codings.toReversed();
  }

  /** Resolves when decompression has caught up; until then no more should be read. Undefined when all is well. */
  get caughtUp(): Promise<void> | undefined {
    return this.#caughtUp;
  }

  /** How long nothing has come, though it was waited for. */
  get idleMs(): number {
    return this.#caughtUp ? 0 : this.#clock.monotonicMs() - this.#lastMs;
  }

  /** Takes a piece; the failure that ends the download, if there is one. */
  push(piece: Buffer): Failure | undefined {
    this.#noteArrival();
    this.received += piece.length;
    this.pieces += 1;
    if (this.received > this.#plan.bytesMax) return this.#tooLarge('as it comes');
    // Not before: what has no body (HEAD, 304) may say how it would be encoded.
    if (this.#codings.length > 0) this.#decoder ??= this.#openDecoder(piece);
    if (this.#decoder) this.#decode(piece, this.#decoder.input);
    else if (this.#failure === undefined) this.#take(piece);
    return this.#failure;
  }

  /** No more will come: a `complete` body is decoded to its end, what is left of another thrown away. */
  async finish(complete: boolean): Promise<Failure | undefined> {
    if (!complete) {
      this.#decoder?.input.destroy();
      return undefined;
    }
    this.#noteArrival();
    this.#decoder?.input.end();
    await this.#decoder?.done;
    return this.#failure;
  }

  /** Checksum of the decoded body, in hexadecimal. */
  digest(): string {
    return this.#hash?.digest('hex') ?? '';
  }

  /** The decoded body, or undefined when more came than was to be kept. */
  get content(): Uint8Array | undefined {
    return this.decoded > this.#plan.textBytesMax ? undefined : Buffer.concat(this.#kept);
  }

  #decode(piece: Buffer, input: Writable): void {
    if (!input.write(piece)) this.#caughtUp ??= this.#catchUp(input);
  }

  async #catchUp(input: Writable): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    input.once('drain', resolve).once('close', resolve);
    await promise;
    this.#caughtUp = undefined;
    this.#lastMs = this.#clock.monotonicMs();
  }

  #noteArrival(): void {
    const nowMs = arrivalMs(this.#clock);
    this.longestStallMs = Math.max(this.longestStallMs, nowMs - this.#lastMs);
    this.#lastMs = nowMs;
  }

  #openDecoder(first: Buffer): Decoder {
    const steps = this.#codings.map((coding, index) => {
      return decoders[coding]?.(index === 0 ? first : undefined) ?? createGunzip();
    });
    const sink = new Writable({
      write: (piece: Buffer, _encoding, done) => {
        this.#take(piece);
        done(this.decoded > this.#plan.bytesMax ? new Error('too large') : null);
      },
    });
    const done = pipeline([...steps, sink]).catch((error: Error) => {
      this.#failure ??=
        this.decoded > this.#plan.bytesMax
          ? this.#tooLarge('after decompression')
          : Failure.down('body_encoding', `the body cannot be decompressed: ${error.message}`);
    });
    const input = steps[0] ?? sink;
    return { input, done };
  }

  #take(piece: Buffer): void {
    this.decoded += piece.length;
    this.#hash?.update(piece);
    if (this.#keptBytes >= this.#plan.textBytesMax) return;
    this.#kept.push(piece);
    this.#keptBytes += piece.length;
  }

  #tooLarge(which: string): Failure {
    return Failure.down(
      'body_too_large',
      `the body is larger (${which}) than the ${this.#plan.bytesMax} bytes of limit.body`,
    );
  }
}

/** RFC 1950, 2.2. Some servers send the bare data (RFC 9110, 8.4.1.2), which browsers take as well. */
function isZlib(first: Buffer | undefined): boolean {
  return first === undefined || ((first[0] ?? 0) & 0x0f) === 8;
}
