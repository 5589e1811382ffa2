import { type DownError, downErrors, type UnknownError } from '#lib/error-type';
import type { Verdict } from '#lib/observation';
import type { Phase } from './phases.ts';

/** Why a step of a run ended it. A value, returned where others return what they made. */
export class Failure {
  readonly verdict: Exclude<Verdict, { status: 'up' }>;

  private constructor(verdict: Exclude<Verdict, { status: 'up' }>) {
    this.verdict = verdict;
  }

  /** The target's fault. */
  static down(error: DownError, message: string): Failure {
    return new Failure({ status: 'down', error, message });
  }

  /** Ours: nothing can be said of the target. */
  static unknown(error: UnknownError, message: string): Failure {
    return new Failure({ status: 'unknown', error, message });
  }

  /** What an aborted signal means for a run that was in `phase`: its deadline, or the agent's stop. */
  static aborted(signal: AbortSignal, phase: Phase, what: string): Failure {
    if (isTimeout(signal.reason)) {
      return Failure.down(timeoutErrors[phase], `${what} when the deadline of the run passed`);
    }
    return Failure.unknown('agent_stopping', `${what} when the agent stopped`);
  }
}

const timeoutErrors = {
  resolve: 'dns_timeout',
  connect: 'connect_timeout',
  tls: 'tls_timeout',
  request: 'dns_timeout',
  processing: 'header_timeout',
  transfer: 'body_timeout',
} as const satisfies Record<Phase, DownError>;

function isTimeout(reason: unknown): boolean {
  return reason instanceof Error && reason.name === 'TimeoutError';
}

/**
 * One failure for all of them: the order of the list of error types is that of the phases, so that the
 * earliest trouble is the reason, and the message names every one.
 */
export function firstOf(failures: readonly Failure[]): Failure | undefined {
  const ordered = failures.toSorted((a, b) => position(a) - position(b));
  const [first] = ordered;
  if (first === undefined || ordered.length === 1 || first.verdict.status === 'unknown')
    return first;
  return Failure.down(
    first.verdict.error,
    ordered.map(({ verdict }) => verdict.message).join('; '),
  );
}

function position({ verdict }: Failure): number {
  return verdict.status === 'unknown' ? -1 : downErrors.indexOf(verdict.error);
}
