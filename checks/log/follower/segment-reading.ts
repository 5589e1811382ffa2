import { fstatSync, readSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { LineScanner } from '../line-scanner.ts';
import type { SegmentState } from '../state.ts';
import type { GzipContent, Piece } from './gzip-content.ts';
import type { Place } from './placement.ts';
import {
  advanceTail,
  fingerprint,
  headAt,
  headBytesMax,
  headOf,
  isUnseen,
  stillHolds,
  tailAt,
} from './segment.ts';

/** How long a rotated file has not been written to when its unfinished last line is taken as it is. */
const settledMs = 10_000;

/** What the reading of segments has in common within one run. */
export interface Reading {
  readonly scanner: LineScanner;
  /** Large enough for a slice and the longest line. */
  readonly buffer: Buffer;
  readonly nowMs: number;
  /** Aborts when time is up. */
  readonly signal: AbortSignal;
}

/** Reads on in a file, slice by slice, up to its end or until time is up. */
export async function readPlain(
  place: Place,
  { scanner, buffer, nowMs, signal }: Reading,
): Promise<SegmentState> {
  const { segment, descriptor } = place;
  const found = foundIn(place);
  if (descriptor === undefined) return found;
  // Emptied since it was found, and written to again.
  if (!isUnseen(segment) && !stillHolds(descriptor, segment)) return found;
  let { position, inOversizeLine } = segment;
  let tail = tailAt(descriptor, position);
  const head = segment.size < headBytesMax ? headAt(descriptor) : segment.head;
  while (!signal.aborted) {
    const length = readSync(descriptor, buffer, 0, buffer.length, position);
    const atEnd = length < buffer.length;
    const last = atEnd && isFinal(place, position + length, nowMs);
    const scanned = scanner.scan(buffer.subarray(0, length), inOversizeLine, last);
    ({ inOversizeLine } = scanned);
    tail = advanceTail(tail, buffer.subarray(0, scanned.used));
    position += scanned.used;
    if (atEnd) break;
    await setImmediate();
    // Emptied under our hands: what follows belongs to another content.
    if (!tailAt(descriptor, position).equals(tail)) break;
  }
  const size = Math.max(position, fstatSync(descriptor).size);
  return { ...found, position, inOversizeLine, tail: fingerprint(tail), head, size };
}

/** What a run left of a compressed file. */
export interface Unpacked {
  readonly segment: SegmentState;
  readonly next: Piece['next'];
  /** Whether the file is given up. */
  readonly damaged: boolean;
}

/**
 * Reads on in a compressed file. `content` is what an earlier run left where its time was up, or new:
 * then what comes before the position is unpacked again and skipped. A file that is damaged is given
 * up once it has not changed from one run to the next; until then it may still be being written.
 */
export async function readCompressed(
  place: Place,
  content: GzipContent,
  { scanner, signal }: Reading,
): Promise<Unpacked> {
  const found = { ...foundIn(place), size: place.file.size };
  const unchanged = place.segment.size === place.file.size;
  let { inOversizeLine } = found;
  let next: Piece['next'] = 'more';
  while (next === 'more' && !signal.aborted) {
    const piece = await content.read();
    ({ next } = piece);
    const skipped = Math.min(piece.bytes.length, Math.max(0, found.position - content.position));
    content.consume(skipped);
    const last = next === 'end' || (next === 'damaged' && unchanged);
    const scanned = scanner.scan(piece.bytes.subarray(skipped), inOversizeLine, last);
    ({ inOversizeLine } = scanned);
    content.consume(scanned.used);
  }
  const damaged = next === 'damaged' && unchanged;
  const ended = next === 'end' || damaged;
  if (content.position < found.position) return { segment: { ...found, ended }, next, damaged };
  const { position, tail } = content;
  const head = found.head.length > 0 ? found.head : headOf(content.head);
  return {
    segment: { ...found, position, tail: fingerprint(tail), head, inOversizeLine, ended },
    next,
    damaged,
  };
}

/** The segment as it is now known to be in this file. */
function foundIn({ segment, file }: Place): SegmentState {
  const { key, live } = file;
  return { ...segment, path: file.path || segment.path, key, live, absentRuns: 0 };
}

/** Nothing will follow in a file that is no longer the log and is as it was, at the last run and for a while. */
function isFinal({ file, segment }: Place, end: number, nowMs: number): boolean {
  const unchanged = !file.live && !segment.live && segment.size === end;
  return unchanged && nowMs - file.modifiedMs >= settledMs;
}
