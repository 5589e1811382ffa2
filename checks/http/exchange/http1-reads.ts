import type { Socket } from 'node:net';
import { headerBytesMax, type HttpVersion, type Reception } from './reception.ts';

/** What the parser has read from the socket. */
export interface Reads {
  /** All there is of the head of the answer; undefined once the parser has made it out. */
  head(): string | undefined;
  /** The parser has made out the head. */
  passedHead(): void;
  /** How many bytes came along after the piece of the body that was the last, or after its head. */
  after(piece: Buffer | undefined): number;
}

/**
 * Looks on as undici reads: it tells neither when the first bytes came, nor their version, nor what
 * follows the end. What it never gets to see are answers of 100 (Continue), which it takes for the end
 * of all, and which RFC 9110, 15.2 wants ignored, asked for or not.
 */
export function watchReads(socket: Socket, reception: Reception): Reads {
  const read = socket.read.bind(socket);
  let head: Buffer[] | undefined = [];
  /** What may yet turn out to be an answer of 100; undefined once it cannot any more. */
  let held: Buffer | undefined = Buffer.alloc(0);
  let newest: Buffer | undefined;
  let hasBegun = false;
  socket.read = (size) => {
    for (;;) {
      const bytes: Buffer | null = read(size);
      if (bytes === null) return bytes;
      if (!hasBegun) reception.begin(readVersion(bytes));
      hasBegun = true;
      newest = bytes;
      if (held !== undefined) {
        newest = withoutContinue(held.length === 0 ? bytes : Buffer.concat([held, bytes]));
        held = mayBeContinue(newest) ? newest : undefined;
        if (held !== undefined) continue;
      }
      head?.push(newest);
      return newest;
    }
  };
  return {
    head: () => head && Buffer.concat(head).toString('latin1'),
    passedHead: () => (head = undefined),
    after(piece) {
      const end = newest && (piece ? endWithin(newest, piece) : endOfHead(newest));
      if (newest === undefined || end === undefined) return 0;
      // RFC 9112, 2.2: empty lines before a next message are to be ignored.
      return newest.toString('latin1', end).trimStart().length;
    },
  };
}

const continueLines = ['HTTP/1.1 100', 'HTTP/1.0 100'];

/** Less every answer of 100 that is whole. */
function withoutContinue(bytes: Buffer): Buffer {
  let rest = bytes;
  while (continueLines.includes(rest.toString('latin1', 0, 12))) {
    const end = rest.indexOf('\r\n\r\n');
    if (end < 0) break;
    rest = rest.subarray(end + 4);
  }
  return rest;
}

function mayBeContinue(bytes: Buffer): boolean {
  const start = bytes.toString('latin1', 0, 12);
  return bytes.length < headerBytesMax && continueLines.some((line) => line.startsWith(start));
}

/** The pieces that undici gives are views of what it has read. */
function endWithin(bytes: Buffer, piece: Buffer): number | undefined {
  if (piece.buffer !== bytes.buffer) return undefined;
  return piece.byteOffset + piece.length - bytes.byteOffset;
}

/** Behind the heads of interim answers (103, for example) and the one of the answer itself. */
function endOfHead(bytes: Buffer): number | undefined {
  for (let start = 0; ;) {
    const blankLine = bytes.indexOf('\r\n\r\n', start);
    if (blankLine < 0) return undefined;
    const isInterim = /^HTTP\/1\.\d 1/.test(bytes.toString('latin1', start, start + 12));
    start = blankLine + 4;
    if (!isInterim) return start;
  }
}

function readVersion(bytes: Buffer): HttpVersion {
  return bytes.toString('latin1', 0, 8) === 'HTTP/1.0' ? 1 : 1.1;
}
