import { unlessAborted } from '#lib/unless-aborted';
import type { SegmentState } from '../state.ts';
import type { LogFile } from './files.ts';
import { GzipContent } from './gzip-content.ts';
import { advanceTail, fingerprint, headOf, isInHole, sameStart } from './segment.ts';

/*
 * A compressed file does not grow, and is what some segment has become, whole. To know which, its
 * content is read once and compared. That may take longer than a run has; it goes on meanwhile, and a
 * later run finds it done.
 */

/** What is in a compressed file, as far as it says which segment that is. */
export interface Inspection {
  readonly head: readonly string[];
  /** Fingerprints of the tail at each position that was asked for and is within the content. */
  readonly tails: ReadonlyMap<number, string>;
  readonly length: number;
  /** Fingerprint of the tail at the end. */
  readonly tail: string;
  /** Whether the file could be read to its end. */
  readonly whole: boolean;
}

/** Which segment a compressed file is. */
export type Match =
  /** The segment is in no other file. */
  | { readonly kind: 'moved'; readonly segment: SegmentState }
  /** The segment is elsewhere too, or all of the file was read from another. */
  | { readonly kind: 'copy'; readonly segment: SegmentState }
  | { readonly kind: 'new' }
  /** It is being written: look again later. */
  | { readonly kind: 'unfinished' };

/** What else there is. */
export interface Surroundings {
  readonly placed: readonly SegmentState[];
  readonly absent: readonly SegmentState[];
  /** Fingerprint of the tail at a position in the file that a segment is in. */
  readonly tailOf: (segment: SegmentState, position: number) => string | undefined;
  /** Whether the file that a segment was in is still there, with another content. */
  readonly isEmptied: (segment: SegmentState) => boolean;
}

/** Compares the content of a compressed file with the segments that are placed and those that are not. */
export function matchCompressed(
  { head, tails, length, tail, whole }: Inspection,
  { placed, absent, tailOf, isEmptied }: Surroundings,
): Match {
  const alike = (segment: SegmentState): boolean => sameStart(head, segment.head);
  const allRead = (segment: SegmentState): boolean =>
    segment.position > 0 && !isInHole(segment) && tails.get(segment.position) === segment.tail;
  const startOf = (segment: SegmentState): boolean =>
    length > 0 && segment.size >= length && tailOf(segment, length) === tail;
  const shorter = (segment: SegmentState): boolean =>
    isEmptied(segment) && length < segment.position && alike(segment);
  if (!whole)
    return { kind: head.length === 0 || [...placed, ...absent].some(alike) ? 'unfinished' : 'new' };
  const moved = absent.find(allRead);
  if (moved !== undefined) return { kind: 'moved', segment: moved };
  const copied =
    placed.find((segment) => allRead(segment) || startOf(segment)) ?? absent.find(shorter);
  if (copied !== undefined) return { kind: 'copy', segment: copied };
  const unread = absent.find((segment) => segment.position === 0 && alike(segment));
  return unread === undefined ? { kind: 'new' } : { kind: 'moved', segment: unread };
}

/** A segment of a compressed file that is to be read from its start. */
export function newCompressed({ path, key }: LogFile): SegmentState {
  return {
    path,
    key,
    copies: [],
    position: 0,
    tail: fingerprint(Buffer.alloc(0)),
    head: [],
    size: 0,
    live: false,
    inOversizeLine: false,
    ended: false,
    absentRuns: 0,
  };
}

/** A segment of a compressed file that is not to be read at all. */
export async function oldCompressed(file: LogFile, descriptor: number): Promise<SegmentState> {
  await using content = new GzipContent(descriptor);
  const { bytes } = await content.read();
  return {
    ...newCompressed(file),
    head: headOf(bytes),
    size: file.size,
    ended: true,
  };
}

/** Inspections under way and done, by file. What is done is kept as long as it answers the question. */
export class Inspector {
  readonly #inspections = new Map<string, Inspecting>();

  /** What is in a file, and whether it is one of the segments; undefined where that takes longer than the run may. */
  async inspect(
    file: LogFile,
    descriptor: number,
    segments: readonly SegmentState[],
    signal: AbortSignal,
  ): Promise<Inspection | undefined> {
    if (signal.aborted) return undefined;
    const known = this.#inspections.get(file.key);
    const usable = known !== undefined && known.size === file.size && answers(known, segments);
    const inspecting = usable ? known : startInspecting(file.size, descriptor, segments);
    this.#inspections.set(file.key, inspecting);
    return unlessAborted(inspecting.result, signal);
  }

  /** Forgets all but these files. */
  keep(keys: ReadonlySet<string>): void {
    for (const key of this.#inspections.keys()) if (!keys.has(key)) this.#inspections.delete(key);
  }
}

interface Inspecting {
  readonly size: number;
  readonly positions: ReadonlySet<number>;
  /** How the content starts, as soon as that is known. */
  head: readonly string[];
  readonly result: Promise<Inspection>;
}

/** A log that starts otherwise may grow while the file is inspected: it need not be compared. */
function answers({ positions, head }: Inspecting, segments: readonly SegmentState[]): boolean {
  return segments.every(
    (segment) =>
      positions.has(segment.position) ||
      (head.length > 0 && segment.head.length > 0 && !sameStart(head, segment.head)),
  );
}

function startInspecting(
  size: number,
  descriptor: number,
  segments: readonly SegmentState[],
): Inspecting {
  const positions = new Set(segments.map(({ position }) => position));
  const inspecting: Inspecting = {
    size,
    positions,
    head: [],
    result: inspect(descriptor, positions, (head) => (inspecting.head = head)),
  };
  return inspecting;
}

/** Reads the content once and takes fingerprints; says how it starts before it has read the rest. */
async function inspect(
  descriptor: number,
  positions: ReadonlySet<number>,
  begun: (head: readonly string[]) => void,
): Promise<Inspection> {
  await using content = new GzipContent(descriptor);
  const tails = new Map<number, string>();
  for (;;) {
    const { bytes, next } = await content.read();
    for (const position of positions) {
      const within = position - content.position;
      if (within <= 0 || within > bytes.length) continue;
      tails.set(position, fingerprint(advanceTail(content.tail, bytes.subarray(0, within))));
    }
    const first = content.position === 0;
    content.consume(bytes.length);
    const head = headOf(content.head);
    if (first) begun(head);
    if (next !== 'more') {
      const { position, tail } = content;
      return { head, tails, length: position, tail: fingerprint(tail), whole: next === 'end' };
    }
  }
}
