import { type LogFile } from './files.ts';
import { type OpenFiles } from './open-files.ts';
import { holds, newSegment } from './segment.ts';
import { type SegmentState } from './state.ts';

/** A segment and the open file that holds it. */
export interface Place {
  readonly segment: SegmentState;
  readonly file: LogFile;
  readonly descriptor: number;
}

export interface Placement {
  readonly places: readonly Place[];
  /** Segments that no file holds. */
  readonly absent: readonly SegmentState[];
}

/** Says from where on a file is read that no segment knows. */
export type Start = (file: LogFile, descriptor: number) => number;

/** Finds each segment among the files; a file that no segment knows starts a new one. */
export function placeSegments(
  segments: readonly SegmentState[],
  files: readonly LogFile[],
  open: OpenFiles,
  start: Start,
): Placement {
  const strangers = new Map(files.map((file) => [file.key, file]));
  const places: Place[] = [];
  const absent = new Set<SegmentState>();
  for (const segment of segments) {
    const place = placeByKey(segment, strangers, open);
    if (place === undefined) absent.add(segment);
    else places.push(place);
    for (const key of [place?.file.key, ...segment.copies]) strangers.delete(key ?? '');
  }
  for (const file of strangers.values()) {
    const place = placeStranger(file, { places, absent, open, start });
    if (place !== undefined) places.push(place);
  }
  return { places, absent: [...absent] };
}

/** Looks in the file where the segment was, in its copies, and in the file that is still open. */
function placeByKey(
  segment: SegmentState,
  files: ReadonlyMap<string, LogFile>,
  open: OpenFiles,
): Place | undefined {
  for (const key of [segment.key, ...segment.copies]) {
    const file = files.get(key) ?? open.held(key);
    const descriptor = file && open.open(file);
    if (file && descriptor !== undefined && holds(descriptor, segment)) {
      return { segment, file, descriptor };
    }
  }
  return undefined;
}

interface Surroundings {
  readonly places: Place[];
  readonly absent: Set<SegmentState>;
  readonly open: OpenFiles;
  readonly start: Start;
}

/** A file nobody knows holds a segment that was elsewhere, or copies one that is where it was, or is new. */
function placeStranger(
  file: LogFile,
  { places, absent, open, start }: Surroundings,
): Place | undefined {
  const descriptor = open.open(file);
  if (descriptor === undefined || (file.size === 0 && !file.live)) return undefined;
  const same = (segment: SegmentState): boolean =>
    segment.position > 0 && holds(descriptor, segment);
  const moved = [...absent].find(same);
  if (moved !== undefined) {
    absent.delete(moved);
    return { segment: moved, file, descriptor };
  }
  const original = file.live ? -1 : places.findIndex(({ segment }) => same(segment));
  const place = places[original];
  if (place !== undefined) {
    const copies = [...place.segment.copies, file.key];
    places[original] = { ...place, segment: { ...place.segment, copies } };
    return undefined;
  }
  return { segment: newSegment(file, descriptor, start(file, descriptor)), file, descriptor };
}
