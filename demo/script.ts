/** One act of the sample service's play. */
export interface Act {
  readonly name: 'healthy' | 'slow' | 'broken in one region' | 'down' | 'back';
  /** What the audience is told. */
  readonly caption: string;
  readonly fromMs: number;
}

/** The region for which alone the service breaks in the third act. */
export const unluckyRegion = 'ap-south';

/** How long a page takes in the second act. */
export const slowMs = 700;

/** The play: it lasts a minute, with the outage well before the end, and then starts again. */
export const acts: readonly Act[] = [
  { name: 'healthy', caption: 'the service is healthy', fromMs: 0 },
  { name: 'slow', caption: `every page takes ${slowMs} ms longer`, fromMs: 10_000 },
  { name: 'broken in one region', caption: `${unluckyRegion} alone gets errors`, fromMs: 18_000 },
  { name: 'down', caption: 'the service is down: nothing listens', fromMs: 27_000 },
  { name: 'back', caption: 'the service is back', fromMs: 39_000 },
];

export const playMs = 60_000;

/** Which act is on `elapsedMs` after the curtain rose. */
export function actAt(elapsedMs: number): Act {
  const inPlayMs = elapsedMs % playMs;
  const current = acts.findLast((act) => act.fromMs <= inPlayMs);
  if (current === undefined) throw new Error('the first act starts at 0');
  return current;
}
