import type { Schedule } from '#lib/fleet';

/** One check on one target, as this agent is to run it: a line of the plan the configuration makes. */
export interface CheckPlan {
  readonly check: string;
  readonly type: string;
  readonly service: string;
  readonly target: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly schedule: Schedule;
  /** Deadline of a whole run. */
  readonly timeoutMs: number;
  /** Index of this agent's region in the list of regions that run the check, and the list's length: they set the phase. */
  readonly regionIndex: number;
  readonly regionCount: number;
  /** What the check type's own schema made of its keys. */
  readonly settings: unknown;
}
