/** One check on one target from one region, as the collector's history tells it. */
export interface Cell {
  readonly check: string;
  readonly target: string;
  readonly region: string;
  readonly unixMs: number;
  readonly verdict: Verdict;
  readonly errorType: string | null;
  readonly message: string | null;
  readonly durationMs: number | null;
  /** Later than that the verdict says nothing. */
  readonly validUntilUnixMs: number | null;
  /** The newest runs, newest last. */
  readonly runs: readonly RecentRun[];
  /** Time up / (time up + time down); null when it was neither at any time. */
  readonly uptime: number | null;
}

export interface RecentRun {
  readonly unixMs: number;
  readonly verdict: Verdict;
  readonly durationMs: number | null;
}

/** What waits where. */
export interface Backlog {
  readonly name: string;
  readonly blocks: number;
  readonly bytes: number;
}

export type Verdict = 'up' | 'down' | 'unknown';

const answerWithinMs = 2000;

/** Reads the newest state of every target, as any other reader of the collector would. */
export async function readTargets(
  collectorUrl: string,
  key: string,
  runs: number,
): Promise<readonly Cell[]> {
  const answer = await fetch(`${collectorUrl}/api/v1/targets?runs=${runs}`, {
    headers: { authorization: `Bearer ${key}` },
    signal: AbortSignal.timeout(answerWithinMs),
  });
  if (!answer.ok)
    throw new Error(`cannot read the history: the collector answered ${answer.status}`);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own collector, of this version
  const { targets } = (await answer.json()) as { targets: Cell[] };
  return targets;
}

/** True once the collector takes results. */
export async function isReady(collectorUrl: string): Promise<boolean> {
  try {
    const answer = await fetch(`${collectorUrl}/readyz`, {
      signal: AbortSignal.timeout(answerWithinMs),
    });
    await answer.body?.cancel();
    return answer.ok;
  } catch {
    return false;
  }
}

/** What waits in the collector's queue for the history, from the collector's own metrics. */
export async function readQueue(collectorUrl: string): Promise<Backlog> {
  const answer = await fetch(`${collectorUrl}/metrics`, {
    signal: AbortSignal.timeout(answerWithinMs),
  });
  const text = await answer.text();
  return {
    name: 'history',
    blocks: metric(text, 'farpoint_queue_blocks'),
    bytes: metric(text, 'farpoint_queue_bytes'),
  };
}

function metric(text: string, name: string): number {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${name}{`));
  return Number(line?.split(' ').at(-1) ?? 0);
}
