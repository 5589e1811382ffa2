import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

const decompress = promisify(gunzip);

/** A whole body, or why there is none. */
export type Body =
  /** Decompressed; and as it arrived, where that was compressed. */
  | { readonly kind: 'whole'; readonly bytes: Buffer; readonly gzip?: Buffer }
  | { readonly kind: 'too_large' | 'malformed' | 'busy'; readonly message: string };

export interface BodyOptions {
  readonly isGzip: boolean;
  /** As it arrives. */
  readonly bodyBytesMax: number;
  /** After decompression. */
  readonly inflatedBytesMax: number;
}

/** Of OTLP to its gzip. */
const usualRatio = 8;

/** The memory that the bodies of all requests share. */
export class BodyMemory {
  readonly #bytesMax: number;
  #heldBytes = 0;
  #decompressing: Promise<unknown> = Promise.resolve();

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** False when too much is held already; otherwise the bytes are to be given back. */
  take(bytes: number): boolean {
    if (this.#heldBytes + bytes > this.#bytesMax) return false;
    this.#heldBytes += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#heldBytes -= bytes;
  }

  /** Decompresses one body at a time, so that a hundred bombs take the memory of one. */
  async decompress(bytes: Buffer, bytesMax: number): Promise<Buffer> {
    // Each chunk is a round trip to another thread: most bodies are to fit into one.
    const chunkSize = Math.max(16_384, Math.min(bytes.length * usualRatio, 1_048_576));
    const run = (): Promise<Buffer> => decompress(bytes, { maxOutputLength: bytesMax, chunkSize });
    const turn = this.#decompressing.then(run, run);
    // Only that it is over is kept, not what came of it: up to the largest body would be held for nobody.
    this.#decompressing = turn.then(ignore, ignore);
    return turn;
  }
}

/** One request's body, within its bounds. It counts as held until it is disposed. */
export class RequestBody implements Disposable {
  readonly #memory: BodyMemory;
  readonly #request: IncomingMessage;
  readonly #options: BodyOptions;
  #heldBytes = 0;

  constructor(memory: BodyMemory, request: IncomingMessage, options: BodyOptions) {
    this.#memory = memory;
    this.#request = request;
    this.#options = options;
  }

  /** Rejects only when the sender goes away. What is left of a refused body runs dry, unread. */
  async read(): Promise<Body> {
    const arrived = await this.#collect();
    return arrived.kind === 'whole' && this.#options.isGzip
      ? this.#decompress(arrived.bytes)
      : arrived;
  }

  [Symbol.dispose](): void {
    this.#memory.giveBack(this.#heldBytes);
    this.#heldBytes = 0;
  }

  async #collect(): Promise<Body> {
    const { isGzip, bodyBytesMax, inflatedBytesMax } = this.#options;
    const bytesMax = isGzip ? bodyBytesMax : Math.min(bodyBytesMax, inflatedBytesMax);
    const announced = Number(this.#request.headers['content-length'] ?? 0);
    const chunks: Buffer[] = [];
    let length = 0;
    let problem: Body | undefined = announced > bytesMax ? tooLarge(bytesMax) : undefined;
    if (problem === undefined) {
      for await (const chunk of this.#chunks()) {
        length += chunk.length;
        if (length > bytesMax) problem = tooLarge(bytesMax);
        else if (!this.#take(chunk.length)) problem = busy;
        if (problem !== undefined) break;
        chunks.push(chunk);
      }
    }
    if (problem === undefined) return { kind: 'whole', bytes: Buffer.concat(chunks, length) };
    this.#request.resume();
    return problem;
  }

  #chunks(): AsyncIterable<Buffer> {
    // Leaving the loop early must not cut the connection: the sender has yet to read why.
    return this.#request.iterator({ destroyOnReturn: false });
  }

  async #decompress(bytes: Buffer): Promise<Body> {
    const { inflatedBytesMax } = this.#options;
    try {
      const inflated = await this.#memory.decompress(bytes, inflatedBytesMax);
      return this.#take(inflated.length) ? { kind: 'whole', bytes: inflated, gzip: bytes } : busy;
    } catch (error) {
      const isTooLarge = error instanceof RangeError;
      return isTooLarge
        ? tooLarge(inflatedBytesMax)
        : { kind: 'malformed', message: 'broken gzip' };
    }
  }

  #take(bytes: number): boolean {
    const isTaken = this.#memory.take(bytes);
    if (isTaken) this.#heldBytes += bytes;
    return isTaken;
  }
}

function ignore(): void {}

const busy: Body = { kind: 'busy', message: 'too much is being received at once' };

function tooLarge(bytesMax: number): Body {
  return { kind: 'too_large', message: `body of more than ${bytesMax} bytes; send it in parts` };
}
