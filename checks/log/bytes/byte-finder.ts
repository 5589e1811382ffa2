import { type Mark, marker, spareBytes, stepBytes } from './byte-marker.ts';

/** How many bytes are looked at before they are asked for: they are still in the cache then. */
const blockBytes = 2 ** 16;
/** Enough for the slices and lines of most logs. */
const readBytesMax = 2 ** 20 + 2 ** 16;
const finderCount = 3;
const none = 2 ** 31 - 1;

/*
 * The memory: what is read, a block of what was read elsewhere, and for each finder the positions in
 * one block, at most one for each byte, and `none` behind them.
 */
const blockAddress = readBytesMax;
const positionsAddress = blockAddress + blockBytes + stepBytes;
const positionsBytes = (blockBytes + stepBytes) * Int32Array.BYTES_PER_ELEMENT + spareBytes;
const memory = new WebAssembly.Memory({
  initial: Math.ceil((positionsAddress + finderCount * positionsBytes) / 2 ** 16),
});
const mark = marker(memory);

/**
 * A buffer to read logs into, in which bytes are found without being copied. All logs share one, so
 * what is in it lasts until the caller lets others have their turn.
 */
export function readBuffer(size: number): Buffer {
  return size <= readBytesMax ? Buffer.from(memory.buffer, 0, size) : Buffer.allocUnsafeSlow(size);
}

/**
 * Finds a byte again and again in a buffer, from its start to its end; all its occurrences in a block are
 * noted at once. One is shared by all logs: whoever scans a buffer begins, and is done before others do.
 */
export class ByteFinder {
  readonly #byte: number;
  readonly #mark: Mark;
  readonly #address: number;
  readonly #positions: Int32Array;
  /** Where in `#positions` the next one is. */
  #cursor = 0;
  #bytes: Buffer = Buffer.alloc(0);
  #markedTo = 0;

  /** `place` is which of the regions of the memory it has. */
  constructor(byte: number, place: number, markBytes = mark) {
    this.#byte = byte;
    this.#mark = markBytes;
    this.#address = positionsAddress + place * positionsBytes;
    this.#positions = new Int32Array(memory.buffer, this.#address, blockBytes + stepBytes);
  }

  begin(bytes: Buffer): void {
    this.#bytes = bytes;
    this.#markedTo = 0;
    this.#cursor = 0;
    this.#positions[0] = none;
  }

  /** The first one at `from` or later, or the length of the buffer. `from` only grows. */
  next(from: number): number {
    const positions = this.#positions;
    let cursor = this.#cursor;
    let position = positions[cursor] ?? none;
    while (position < from) position = positions[++cursor] ?? none;
    this.#cursor = cursor;
    return position < none ? position : this.#nextBlocks(from);
  }

  #nextBlocks(from: number): number {
    while (this.#markedTo < this.#bytes.length) {
      this.#markBlock(Math.max(from, this.#markedTo));
      const position = this.#positions[0] ?? none;
      if (position < none) return position;
    }
    return this.#bytes.length;
  }

  #markBlock(start: number): void {
    const end = Math.min(start + blockBytes, this.#bytes.length);
    const address = this.#addressOf(start, end);
    const shift = start - address;
    const out = this.#mark(address, end - shift, this.#address, this.#byte);
    let count = (out - this.#address) / Int32Array.BYTES_PER_ELEMENT;
    if (shift !== 0)
      for (let index = 0; index < count; index++)
        this.#positions[index] = (this.#positions[index] ?? 0) + shift;
    while (count > 0 && (this.#positions[count - 1] ?? 0) >= end) count--;
    this.#positions[count] = none;
    this.#cursor = 0;
    this.#markedTo = end;
  }

  /** Where in the memory these bytes are; they are copied there where they are not. */
  #addressOf(start: number, end: number): number {
    if (this.#bytes.buffer === memory.buffer) return this.#bytes.byteOffset + start;
    new Uint8Array(memory.buffer).set(this.#bytes.subarray(start, end), blockAddress);
    return blockAddress;
  }
}

export const lineFeeds = new ByteFinder(0x0a, 0);
export const quotes = new ByteFinder(0x22, 1);
export const backslashes = new ByteFinder(0x5c, 2);
