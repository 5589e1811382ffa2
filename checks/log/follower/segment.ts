import { hash } from 'node:crypto';
import { fstatSync, readSync } from 'node:fs';
import type { SegmentState } from '../state.ts';
import type { LogFile } from './files.ts';

/*
 * How content is known. Names move at every rotation, inode numbers are used again, copies have
 * others, and a file may be emptied and grow beyond its old length between two looks. So what counts
 * are fingerprints: of the tail, the bytes before the position, which no other place of the log has
 * as long as its lines carry a time or anything else that changes; and of the head, to recognise a
 * copy that is shorter than what was read of the original.
 */

/** How many bytes make up the tail. */
const tailBytesMax = 256;
/** How many of the first bytes each fingerprint of the head is of: lines may start alike for a while. */
const headLengths = [1, 2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128, 160, 192, 256, 512, 1024];
export const headBytesMax = Math.max(...headLengths);

/** Whether the file holds what was read of the segment; where nothing was, whether it starts as that did. */
export function holds(descriptor: number, { position, tail, head }: SegmentState): boolean {
  if (position === 0) return sameStart(headAt(descriptor), head);
  return fingerprint(tailAt(descriptor, position)) === tail;
}

/** The same of the file that it was found in: where nothing was read, that has not become shorter. */
export function stillHolds(descriptor: number, segment: SegmentState): boolean {
  const shorter = segment.position === 0 && fstatSync(descriptor).size < segment.size;
  return !shorter && holds(descriptor, segment);
}

/**
 * Whether what comes next is, as far as is known, within the hole that a file has where it was truncated
 * under a writer that went on at its old offset. Holes are all alike, and nothing is lost with one.
 */
export function isInHole({ position, tail, head }: SegmentState): boolean {
  if (position === 0) return head[0] === fingerprint(Buffer.alloc(1));
  return tail === fingerprint(Buffer.alloc(Math.min(position, tailBytesMax)));
}

/** Whether nothing is known of what is in the segment: it was empty. */
export function isUnseen({ position, head }: SegmentState): boolean {
  return position === 0 && head.length === 0;
}

/** The bytes before `position`, as many as are compared; fewer when the file ends before it. */
export function tailAt(descriptor: number, position: number): Buffer {
  const length = Math.min(position, tailBytesMax);
  return readAt(descriptor, position - length, length);
}

/** The tail after `consumed` was read behind `tail`. */
export function advanceTail(tail: Buffer, consumed: Buffer): Buffer {
  if (consumed.length >= tailBytesMax) return Buffer.from(consumed.subarray(-tailBytesMax));
  return Buffer.concat([tail, consumed]).subarray(-tailBytesMax);
}

/** 64 bits of SHA-1: enough to tell the contents of one log apart, and gives nothing of them away. */
export function fingerprint(bytes: Buffer): string {
  return hash('sha1', bytes, 'hex').slice(0, 16);
}

/** Fingerprints of how a content starts, as many as there are bytes for. */
export function headOf(start: Buffer): string[] {
  return headLengths
    .filter((length) => length <= start.length)
    .map((length) => fingerprint(start.subarray(0, length)));
}

export function headAt(descriptor: number): string[] {
  return headOf(readAt(descriptor, 0, headBytesMax));
}

/** Whether two contents start alike, as far as both go; false where either is empty. */
export function sameStart(a: readonly string[], b: readonly string[]): boolean {
  const common = Math.min(a.length, b.length);
  return common > 0 && a[common - 1] === b[common - 1];
}

/** A segment of a file that is to be read from `position` on. */
export function newSegment(file: LogFile, descriptor: number, position: number): SegmentState {
  return {
    path: file.path,
    key: file.key,
    copies: [],
    position,
    tail: fingerprint(tailAt(descriptor, position)),
    head: headAt(descriptor),
    size: file.size,
    live: file.live,
    inOversizeLine: false,
    ended: false,
    absentRuns: 0,
  };
}

/** Where the last line starts, complete or not; the end of the file where that is further back than `lineBytesMax`. */
export function lastLineStart(descriptor: number, size: number, lineBytesMax: number): number {
  const from = Math.max(0, size - lineBytesMax);
  const lineFeed = readAt(descriptor, from, size - from).lastIndexOf(0x0a);
  if (lineFeed >= 0) return from + lineFeed + 1;
  return from === 0 ? 0 : size;
}

function readAt(descriptor: number, position: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  return bytes.subarray(0, readSync(descriptor, bytes, 0, length, position));
}
