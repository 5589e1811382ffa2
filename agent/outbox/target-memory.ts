import type { SeriesMemory } from '#lib/results';
import type { Subject } from '#lib/results/subject';

/** What must be known of a target after a restart. Plain JSON. */
export interface TargetMemory {
  /** Absent once its series have ended, because it is no longer checked. */
  readonly series?: SeriesMemory;
  /** What the check wants to know at its next run. */
  readonly state?: unknown;
}

/** Names a target in memory: the same check of another type starts anew. */
export function targetKey({ type, check, target }: Subject): string {
  return JSON.stringify([type, check, target]);
}

export function parseMemory(text: string | undefined): TargetMemory {
  const memory: TargetMemory = text === undefined || text === '' ? {} : JSON.parse(text);
  return memory;
}

/** Nothing to remember gives an empty text. */
export function formatMemory({ series, state }: TargetMemory): string {
  return series === undefined && state === undefined ? '' : JSON.stringify({ series, state });
}
