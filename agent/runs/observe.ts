import type { Check, Run } from '#checks/check';
import type { Clock } from '#lib/clock';
import { type DownError, downErrors } from '#lib/error-type';
import type { Observation } from '#lib/observation';

/** How long a check may take to settle after its deadline, before its answer is waited for no longer. */
const settleMs = 1000;
/** From here on a blocked event loop explains a failure that has to do with time: so much, and of a run this share. */
const blockedMinMs = 20;
const blockedShare = 0.1;

/** A reason of our own, since the one that abort makes by itself captures a stack. */
const over = 'the run is over';

/** Failures that a process which stood still can produce by itself. */
const timeLike: ReadonlySet<DownError> = new Set([
  ...downErrors.filter((error) => /_(timeout|stall)$/.test(error)),
  'too_slow',
  'icmp_loss',
] as const);

export interface RunOptions extends Pick<Run, 'state' | 'waiting'> {
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** How long the event loop has been blocked in all. */
  blockedMs(): number;
}

export interface Observed {
  readonly observation: Observation;
  readonly durationMs: number;
  /** For how much of that the event loop stood still. */
  readonly blockedMs: number;
}

/**
 * Runs a check once and gets exactly one observation, whatever the check does: one that throws, or does
 * not end when it is told to, is `unknown: agent_error`; either that or a failure that this process's own
 * standstill explains is `unknown: agent_overloaded`. Undefined when `abandon` aborts first.
 */
export async function observe(
  check: Check,
  options: RunOptions,
  abandon: AbortSignal,
): Promise<Observed | undefined> {
  const { clock, timeoutMs, state, waiting } = options;
  const startMs = clock.monotonicMs();
  const blockedBeforeMs = options.blockedMs();
  const run = new AbortController();
  const ended = new AbortController();
  const answered = Promise.try(() => check.run({ signal: run.signal, state, waiting }));
  const cutOff = cutOffAt(timeoutMs, { clock, run, ended: ended.signal });
  const { promise: abandoned, resolve } = Promise.withResolvers<undefined>();
  const giveUp = (): void => {
    run.abort(abandon.reason);
    resolve(undefined);
  };
  abandon.addEventListener('abort', giveUp, { once: true });
  if (abandon.aborted) giveUp();
  try {
    const outcome = await Promise.race([answered.catch(thrown), cutOff, abandoned]);
    if (outcome === undefined) return undefined;
    const durationMs = clock.monotonicMs() - startMs;
    const blockedMs = options.blockedMs() - blockedBeforeMs;
    const observation = outcome === 'overdue' ? overdue(timeoutMs) : outcome;
    const isOfTime = outcome === 'overdue' || mayBeOfTime(outcome);
    const judged = isOfTime ? judge(observation, durationMs, blockedMs) : observation;
    return { observation: judged, durationMs, blockedMs };
  } finally {
    abandon.removeEventListener('abort', giveUp);
    ended.abort(over);
  }
}

/** Tells the run to end at its deadline; resolves when it has not by a moment later, and never after it ended. */
async function cutOffAt(
  timeoutMs: number,
  { clock, run, ended }: { clock: Clock; run: AbortController; ended: AbortSignal },
): Promise<'overdue'> {
  try {
    await clock.sleep(timeoutMs, ended);
    run.abort(new DOMException(`no result within ${timeoutMs} ms`, 'TimeoutError'));
    await clock.sleep(settleMs, ended);
  } catch {
    return new Promise(() => undefined);
  }
  return 'overdue';
}

/** A check that gives `unknown` while its previous run, cut off, still has not ended. */
export function createExclusive(check: Check): Check {
  let running = false;
  return {
    async run(run) {
      if (running) return failed('the run before this one was told to end and still has not');
      running = true;
      try {
        return await check.run(run);
      } finally {
        running = false;
      }
    },
    async [Symbol.asyncDispose]() {
      await check[Symbol.asyncDispose]?.();
    },
  };
}

/** Stands in for a check that cannot be set up. */
export function createFailing(error: unknown): Check {
  const observation = thrown(error, 'cannot set up the check: ');
  return { run: async () => observation };
}

function thrown(error: unknown, context = ''): Observation {
  if (!(error instanceof Error)) return failed(context + String(error));
  return { ...failed(context + error.message), evidence: { stack: error.stack ?? '' } };
}

function failed(message: string): Observation {
  return { verdict: { status: 'unknown', error: 'agent_error', message }, measurements: [] };
}

function overdue(timeoutMs: number): Observation {
  return failed(`did not end within ${settleMs} ms of its deadline of ${timeoutMs} ms`);
}

function mayBeOfTime({ verdict, isTimedOutside }: Observation): boolean {
  return verdict.status === 'down' && timeLike.has(verdict.error) && isTimedOutside !== true;
}

/** What this process's own standstill explains is not the check's failure. */
function judge(observation: Observation, durationMs: number, blockedMs: number): Observation {
  const { verdict } = observation;
  if (verdict.status === 'up') return observation;
  if (blockedMs < Math.max(blockedMinMs, durationMs * blockedShare)) return observation;
  const message = `${verdict.message}, but this agent stood still for ${Math.round(blockedMs)} of ${Math.round(durationMs)} ms`;
  return { ...observation, verdict: { status: 'unknown', error: 'agent_overloaded', message } };
}
