/**
 * What a log check must know at its next run. Written to disk in one record with the counts that come
 * from it; plain JSON; some hundred bytes for a log and for each of its rotated files.
 */
export interface LogState {
  readonly version: 1;
  readonly segments: readonly SegmentState[];
  /** When the first run was. */
  readonly sinceUnixMs: number;
  /** When the last line was written, as far as is known. */
  readonly lastLineUnixMs: number | undefined;
  readonly window: WindowState;
}

/**
 * The content of one log file, from its first line to its rotation and beyond. It is known by what is
 * in it; name and inode only say where to look first.
 */
export interface SegmentState {
  /** Where it was last. */
  readonly path: string;
  /** Inode and birth time of the file it was in. */
  readonly key: string;
  /** Keys of other files with the same content: copies that a rotation makes. */
  readonly copies: readonly string[];
  /** Everything before this byte is accounted for. */
  readonly position: number;
  /** Fingerprint of the bytes before the position. */
  readonly tail: string;
  /** Fingerprints of how it starts. */
  readonly head: readonly string[];
  /** Size of the file when it was last seen: what lay beyond the position then is known to be unread. */
  readonly size: number;
  /** Whether the file was what the target names. */
  readonly live: boolean;
  /** Whether the position is inside a line that is longer than allowed. */
  readonly inOversizeLine: boolean;
  /** Whether all of it is accounted for and nothing can follow, because it is compressed. */
  readonly ended: boolean;
  /** For how many runs in a row it has been in no file. */
  readonly absentRuns: number;
}

/** Requests by the time they were logged at, for what looks at more than one run. */
export interface WindowState {
  readonly slotMs: number;
  readonly slots: readonly WindowSlot[];
}

export interface WindowSlot {
  /** Number of the slot since 1970. */
  readonly slot: number;
  readonly routes: Readonly<Record<string, RouteSlot>>;
}

/** What the requests of one route add up to. */
export interface RouteSlot {
  /** By status class. */
  readonly classes: readonly number[];
  /** Fine buckets that are not empty: bucket, count, bucket, count, … */
  readonly durations: readonly number[];
  readonly upstreams: readonly number[];
}

/** The state as it came back from disk; undefined at the first run. */
export function readState(stored: unknown): LogState | undefined | 'newer' {
  if (stored === undefined) return undefined;
  return isLogState(stored) ? stored : 'newer';
}

/** Only this program writes states, so the version vouches for the rest. */
function isLogState(stored: unknown): stored is LogState {
  return (
    typeof stored === 'object' && stored !== null && 'version' in stored && stored.version === 1
  );
}
