import { hash } from 'node:crypto';
import { readSync } from 'node:fs';
import { type LogFile } from './files.ts';
import { type SegmentState } from './state.ts';

/** How many bytes before the position tell one content from another. */
const tailBytesMax = 256;

/**
 * Whether the file holds the content that the segment is about: the bytes before its position must be
 * those that were read there. So a segment is found again under any name, in a copy, or behind another
 * inode number; and a file that was truncated, even if it has grown again since, or that got a used
 * inode number, is seen to be another.
 */
export function holds(descriptor: number, { position, tail }: SegmentState): boolean {
  const before = tailAt(descriptor, position);
  return before.length === Math.min(position, tailBytesMax) && fingerprint(before) === tail;
}

/** The bytes before `position`, as many as are compared; fewer when the file ends before it. */
export function tailAt(descriptor: number, position: number): Buffer {
  const length = Math.min(position, tailBytesMax);
  const bytes = Buffer.allocUnsafe(length);
  const read = readSync(descriptor, bytes, 0, length, position - length);
  return bytes.subarray(0, read);
}

/** The tail after `consumed` was read behind `tail`. */
export function advanceTail(tail: Buffer, consumed: Buffer): Buffer {
  if (consumed.length >= tailBytesMax) return Buffer.from(consumed.subarray(-tailBytesMax));
  return Buffer.concat([tail, consumed]).subarray(-tailBytesMax);
}

/** 64 bits of SHA-1: enough to tell the files of one log apart, and nothing of their content. */
export function fingerprint(bytes: Buffer): string {
  return hash('sha1', bytes, 'hex').slice(0, 16);
}

/** A segment of a file that is to be read from `position` on. */
export function newSegment(file: LogFile, descriptor: number, position: number): SegmentState {
  return {
    path: file.path,
    key: file.key,
    copies: [],
    position,
    tail: fingerprint(tailAt(descriptor, position)),
    size: file.size,
    live: file.live,
    inOversizeLine: false,
    absentRuns: 0,
  };
}

/** Where the last line starts, complete or not; the end of the file where that is further back than `lineBytesMax`. */
export function lastLineStart(descriptor: number, size: number, lineBytesMax: number): number {
  const from = Math.max(0, size - lineBytesMax);
  const bytes = Buffer.allocUnsafe(size - from);
  const length = readSync(descriptor, bytes, 0, bytes.length, from);
  const lineFeed = bytes.subarray(0, length).lastIndexOf(0x0a);
  if (lineFeed >= 0) return from + lineFeed + 1;
  return from === 0 ? 0 : size;
}
