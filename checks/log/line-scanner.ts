import { lineFeeds } from './bytes/byte-finder.ts';
import type { LineParser } from './parser/line.ts';

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/**
 * What became of the lines: every line and every byte is counted under exactly one outcome. Padding
 * are NUL bytes at the start of a line: the hole that a file has where it was truncated under a
 * writer that went on at its old offset. They are no line.
 */
export const outcomes = ['parsed', 'unparsed', 'oversize', 'padding'] as const;
export type Outcome = (typeof outcomes)[number];

/** Cuts bytes into lines, has each parsed, and accounts for all of them. */
export class LineScanner {
  readonly lines: Record<Outcome, number> = { parsed: 0, unparsed: 0, oversize: 0, padding: 0 };
  readonly bytes: Record<Outcome, number> = { parsed: 0, unparsed: 0, oversize: 0, padding: 0 };
  readonly #parser: LineParser;
  readonly #lineBytesMax: number;
  readonly #parsed: () => void;

  /** `parsed` is called after each line that the parser took. */
  constructor(parser: LineParser, lineBytesMax: number, parsed: () => void) {
    this.#parser = parser;
    this.#lineBytesMax = lineBytesMax;
    this.#parsed = parsed;
  }

  /**
   * Accounts for all whole lines, and for the start of a line that is too long already. Returns how
   * many bytes that were, and whether they end inside such a line. With `last`, nothing follows: what
   * is left is a line too.
   */
  scan(
    bytes: Buffer,
    inOversizeLine: boolean,
    last: boolean,
  ): { used: number; inOversizeLine: boolean } {
    this.#parser.begin(bytes);
    lineFeeds.begin(bytes);
    let at = inOversizeLine ? this.#restOfOversize(bytes) : 0;
    if (at < 0) return { used: bytes.length, inOversizeLine: !last };
    while (at < bytes.length) {
      if (bytes[at] === 0) at = this.#padding(bytes, at);
      const end = lineFeeds.next(at);
      if (end === bytes.length) return this.#remainder(bytes, at, last);
      this.#line(bytes, at, end, end + 1 - at);
      at = end + 1;
    }
    return { used: at, inOversizeLine: false };
  }

  /** The line break that ends an oversize line, consumed; -1 when there is none. */
  #restOfOversize(bytes: Buffer): number {
    const end = bytes.indexOf(lineFeed);
    this.bytes.oversize += end < 0 ? bytes.length : end + 1;
    return end < 0 ? -1 : end + 1;
  }

  #padding(bytes: Buffer, start: number): number {
    let at = start;
    while (bytes[at] === 0) at++;
    this.bytes.padding += at - start;
    return at;
  }

  #line(bytes: Buffer, start: number, end: number, length: number): void {
    const stop = end > start && bytes[end - 1] === carriageReturn ? end - 1 : end;
    if (end - start > this.#lineBytesMax) {
      this.lines.oversize++;
      this.bytes.oversize += length;
    } else if (this.#parser.parse(bytes, start, stop)) {
      this.lines.parsed++;
      this.bytes.parsed += length;
      this.#parsed();
    } else {
      this.lines.unparsed++;
      this.bytes.unparsed += length;
    }
  }

  #remainder(bytes: Buffer, at: number, last: boolean): { used: number; inOversizeLine: boolean } {
    const length = bytes.length - at;
    if (length > this.#lineBytesMax) {
      this.lines.oversize++;
      this.bytes.oversize += length;
      return { used: bytes.length, inOversizeLine: !last };
    }
    if (!last || length === 0) return { used: at, inOversizeLine: false };
    this.#line(bytes, at, bytes.length, length);
    return { used: bytes.length, inOversizeLine: false };
  }
}
