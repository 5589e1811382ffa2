import { accessSync, constants } from 'node:fs';
import type { SegmentState } from '../state.ts';
import type { Listing } from './files.ts';
import { isInHole } from './segment.ts';

/** For how many runs content that no file holds is looked for: a rotation may be under way. */
const absentRunsMax = 3;
/** How many contents without a file are remembered after that, in case one returns. */
const rememberedMax = 32;

/** Why a run could not read the log. */
export interface LogProblem {
  readonly kind: 'missing' | 'unreadable';
  readonly message: string;
}

/** How often content went away that may not have been read to its end, and how much of it was known. */
export interface Gaps {
  readonly truncated: number;
  readonly removed: number;
  readonly damaged: number;
  readonly lostBytes: number;
}

/** What to think of segments that no file holds: those to look for further, and those now given up. */
export function settleAbsent(
  absent: readonly SegmentState[],
  { files }: Listing,
  unsettled: boolean,
): { readonly remembered: readonly SegmentState[]; readonly gaps: Omit<Gaps, 'damaged'> } {
  const keys = new Set(files.map(({ key }) => key));
  const waiting = absent.map((segment) => {
    // All that is left of an emptied log is a copy that ends before what was read of it.
    const complete = segment.copies.some((key) => keys.has(key));
    return {
      ...segment,
      absentRuns: complete ? absentRunsMax + 1 : segment.absentRuns + (unsettled ? 0 : 1),
    };
  });
  // Without a fingerprint it could not have been found.
  const givenUp = waiting.filter(
    ({ absentRuns, head }) => absentRuns === absentRunsMax && head.length > 0,
  );
  const truncated = givenUp.filter(({ key }) => keys.has(key));
  const removed = givenUp.filter(
    ({ key, live, size, position }) => !keys.has(key) && (live || size > position),
  );
  const lostBytes = [...truncated, ...removed].reduce(
    (sum, segment) => sum + (isInHole(segment) ? 0 : segment.size - segment.position),
    0,
  );
  return {
    remembered: waiting
      .filter(({ position, absentRuns }) => position > 0 || absentRuns < absentRunsMax)
      .sort((a, b) => a.absentRuns - b.absentRuns)
      .slice(0, rememberedMax),
    gaps: { truncated: truncated.length, removed: removed.length, lostBytes },
  };
}

/** Why the log itself could not be read, if so. */
export function problemOf(
  target: string,
  { problem, files }: Listing,
  placed: readonly SegmentState[],
): LogProblem | undefined {
  if (problem?.code === 'ENOENT') {
    return { kind: 'missing', message: `${target} does not exist` };
  }
  if (problem !== undefined) return { kind: 'unreadable', message: problem.message };
  const keys = new Set(placed.map(({ key }) => key));
  const denied = files.find((file) => file.live && !keys.has(file.key) && !isReadable(file.path));
  if (denied === undefined) return undefined;
  const remedy = 'let the agent run in the group that may read it, often adm';
  return {
    kind: 'unreadable',
    message: `cannot open ${denied.path}: permission denied; ${remedy}`,
  };
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
