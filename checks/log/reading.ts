import type { RecentCounts, RunGains } from './counts/gains.ts';
import type { Gaps, LogProblem } from './follower/losses.ts';
import type { LogState } from './state.ts';

/** What one run found in the log, and where it stopped; plain data, sent from the worker. */
export interface LogReading {
  readonly gains: RunGains;
  readonly recent: RecentCounts;
  readonly state: LogState;
  /** Bytes that are there and were not read yet. */
  readonly backlogBytes: number;
  /** When the newest line of this run was logged. */
  readonly newestLineMs: number | undefined;
  /** Lines that are unparsed because the expression took too long. */
  readonly stalledLines: number;
  readonly gaps: Gaps;
  readonly problem: LogProblem | undefined;
}
