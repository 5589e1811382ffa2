import type { SegmentState } from '../state.ts';
import type { LogFile } from './files.ts';
import type { OpenFiles } from './open-files.ts';
import {
  headAt,
  holds,
  isInHole,
  isUnseen,
  newSegment,
  sameStart,
  stillHolds,
  tailAt,
} from './segment.ts';

/** A segment and the file that holds it. */
export interface Place {
  readonly segment: SegmentState;
  readonly file: LogFile;
  /** Undefined where there is nothing new to read. */
  readonly descriptor: number | undefined;
}

/** Where the segments are. */
export interface Placement {
  readonly places: readonly Place[];
  /** Segments that no file holds. */
  readonly absent: readonly SegmentState[];
  /** Compressed files that no segment is known to be in. */
  readonly strangers: readonly LogFile[];
}

/** Says from where on a file is read that no segment knows. */
export type Start = (file: LogFile, descriptor: number) => number;

/**
 * Finds each segment among the files: first where it was, then in files that no segment is in. What is
 * still unknown then is a copy of a segment that is where it was, or is new. Compressed files are left
 * to be looked into when everything else has been read.
 */
export function placeSegments(
  segments: readonly SegmentState[],
  files: readonly LogFile[],
  open: OpenFiles,
  start: Start,
): Placement {
  const strangers = new Map(files.map((file) => [file.key, file]));
  const listed = new Set(strangers.keys());
  const places: Place[] = [];
  const absent = new Set<SegmentState>();
  // A file holds one segment: one that something was read of knows best which.
  for (const segment of [...segments].sort(
    (a, b) => Number(b.position > 0) - Number(a.position > 0),
  )) {
    const place = placeByKey(segment, { strangers, listed, open });
    if (place === undefined) absent.add(segment);
    else places.push(place);
    strangers.delete(place?.file.key ?? '');
  }
  for (const { copies } of segments) for (const key of copies) strangers.delete(key);
  for (const file of strangers.values()) {
    if (file.compressed) continue;
    const place = placeStranger(file, { places, absent, listed, open, start });
    if (place !== undefined) places.push(place);
  }
  const compressed = [...strangers.values()].filter((file) => file.compressed);
  return { places, absent: [...absent], strangers: compressed };
}

interface Files {
  /** Files that no segment is in yet. */
  readonly strangers: ReadonlyMap<string, LogFile>;
  /** Keys of all files that were found. */
  readonly listed: ReadonlySet<string>;
  readonly open: OpenFiles;
}

/** Looks in the file where the segment was, in its copies, and in the file that is still open. */
function placeByKey(segment: SegmentState, { strangers, listed, open }: Files): Place | undefined {
  for (const key of [segment.key, ...segment.copies]) {
    const file = listed.has(key) ? strangers.get(key) : open.held(key);
    if (file === undefined) continue;
    if (key === segment.key && isRead(segment, file))
      return { segment, file, descriptor: undefined };
    const descriptor = open.open(file);
    if (descriptor === undefined) continue;
    if (key !== segment.key) {
      if (!file.compressed && holds(descriptor, segment)) return movedTo(file, segment, descriptor);
    } else if (file.compressed || isUnseen(segment) || stillHolds(descriptor, segment)) {
      return { segment, file, descriptor };
    }
  }
  return undefined;
}

/** Whether a file that is not written to any more is as it was when all of it had been read. */
function isRead(segment: SegmentState, file: LogFile): boolean {
  if (file.compressed) return segment.ended;
  return (
    !file.live && !segment.live && file.size === segment.size && segment.position === segment.size
  );
}

interface Surroundings {
  readonly places: Place[];
  readonly absent: Set<SegmentState>;
  /** Keys of all files that were found. */
  readonly listed: ReadonlySet<string>;
  readonly open: OpenFiles;
  readonly start: Start;
}

/** Places a segment in a file that nobody knows, or notes that the file is a copy: then there is none. */
function placeStranger(file: LogFile, surroundings: Surroundings): Place | undefined {
  const { absent, open, start } = surroundings;
  const descriptor = open.open(file);
  if (descriptor === undefined || (file.size === 0 && !file.live)) return undefined;
  const found = [...absent].filter((segment) => holds(descriptor, segment));
  const moved = found.find((segment) => segment.position > 0 && !isInHole(segment));
  if (moved === undefined && !file.live && noteCopy(file, descriptor, surroundings))
    return undefined;
  // That it starts like a segment of which nothing was read, or ends in a hole, says least.
  const segment = moved ?? found[0];
  if (segment === undefined)
    return { segment: newSegment(file, descriptor, start(file, descriptor)), file, descriptor };
  absent.delete(segment);
  return movedTo(file, segment, descriptor);
}

/** A copy may have less than was seen of its original. */
function movedTo(file: LogFile, segment: SegmentState, descriptor: number): Place {
  const size = Math.min(segment.size, file.size);
  return { segment: { ...segment, size }, file, descriptor };
}

/** A copy has all that was read of its original, or was made before the last of it was written. */
function noteCopy(
  file: LogFile,
  descriptor: number,
  { places, absent, listed }: Surroundings,
): boolean {
  const index = places.findIndex(({ segment, file: { live }, descriptor: original }) => {
    if (segment.position > 0 && !isInHole(segment) && holds(descriptor, segment)) return true;
    if (!live || original === undefined) return false;
    return tailAt(original, file.size).equals(tailAt(descriptor, file.size));
  });
  const place = places[index];
  if (place !== undefined) {
    places[index] = { ...place, segment: withCopy(place.segment, file) };
    return true;
  }
  const head = headAt(descriptor);
  const emptied = [...absent].find(
    ({ live, key, position, head: started }) =>
      live && listed.has(key) && file.size < position && sameStart(head, started),
  );
  if (emptied === undefined) return false;
  absent.delete(emptied);
  absent.add(withCopy(emptied, file));
  return true;
}

export function withCopy(segment: SegmentState, { key }: LogFile): SegmentState {
  return { ...segment, copies: [...segment.copies, key] };
}
