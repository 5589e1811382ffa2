import { readSync } from 'node:fs';
import { Readable, pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { advanceTail, headBytesMax } from './segment.ts';

const pieceBytes = 256 * 1024;

/** What was not consumed yet, with one more piece of the content behind it. */
export interface Piece {
  readonly bytes: Buffer;
  /** `damaged`: the file cannot be unpacked further; it is broken, or not written to its end yet. */
  readonly next: 'more' | 'end' | 'damaged';
}

/** The content of a gzip file, from its start to its end. Takes an open file, and leaves it open. */
export class GzipContent implements AsyncDisposable {
  /** Where in the content the first byte is that was not consumed. */
  position = 0;
  /** The first bytes before the position, and the last: see segment.ts. */
  head: Buffer = Buffer.alloc(0);
  tail: Buffer = Buffer.alloc(0);
  #unread: Buffer = Buffer.alloc(0);
  readonly #pieces: AsyncIterator<Buffer>;

  constructor(descriptor: number) {
    const content = createGunzip({ chunkSize: pieceBytes });
    // What goes wrong is said by the iterator.
    pipeline(Readable.from(bytesOf(descriptor)), content, () => undefined);
    this.#pieces = content[Symbol.asyncIterator]();
  }

  async read(): Promise<Piece> {
    try {
      const { value, done } = await this.#pieces.next();
      if (done === true) return { bytes: this.#unread, next: 'end' };
      this.#unread = this.#unread.length === 0 ? value : Buffer.concat([this.#unread, value]);
      return { bytes: this.#unread, next: 'more' };
    } catch {
      return { bytes: this.#unread, next: 'damaged' };
    }
  }

  consume(length: number): void {
    const consumed = this.#unread.subarray(0, length);
    if (this.head.length < headBytesMax) {
      this.head = Buffer.concat([this.head, consumed]).subarray(0, headBytesMax);
    }
    this.tail = advanceTail(this.tail, consumed);
    this.#unread = this.#unread.subarray(length);
    this.position += length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pieces.return?.();
  }
}

/** A stream made from the descriptor would close it. */
function* bytesOf(descriptor: number): Generator<Buffer> {
  for (let position = 0; ;) {
    const bytes = Buffer.allocUnsafe(pieceBytes);
    const length = readSync(descriptor, bytes, 0, bytes.length, position);
    if (length === 0) return;
    yield bytes.subarray(0, length);
    position += length;
  }
}
