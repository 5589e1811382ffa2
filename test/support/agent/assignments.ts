import type { Assignment } from '#agent/runs/assignment';
import type { FollowerOptions, Recorder } from '#agent/runs/follower';
import { Gate } from '#agent/runs/gate';
import type { CheckPlan } from '#agent/plan';
import type { Check } from '#checks/check';
import type { Clock } from '#lib/clock';
import type { Observation } from '#lib/observation';
import type { Increments, Result } from '#lib/results';
import { planOf } from './plans.ts';

export const up: Observation = { verdict: { status: 'up' }, measurements: [] };

/** One target of a made-up check. */
export function assignmentOf(
  run: Check['run'],
  overrides: Partial<CheckPlan> & Partial<Pick<Assignment, 'create' | 'metrics'>> = {},
): Assignment {
  const { create = async () => ({ run }), metrics = [], ...plan } = overrides;
  const { check, type, service, target, labels, ...rest } = planOf(plan);
  return {
    plan: { check, type, service, target, labels, ...rest },
    subject: { check, type, service, target, labels, region: 'eu-west', agent: 'eu-west-1' },
    metrics,
    create,
  };
}

/** Keeps results in memory, and a state as soon as it is recorded. */
export class MemoryRecorder implements Recorder {
  readonly results: Result[] = [];
  readonly increments: Increments[] = [];
  readonly #states = new Map<string, unknown>();
  readonly #booked = new Map<string, number>();

  stateOf({ check, target }: Result['subject']): unknown {
    return this.#states.get(`${check} ${target}`);
  }

  bookedUnixMsOf({ check, target }: Result['subject']): number | undefined {
    return this.#booked.get(`${check} ${target}`);
  }

  async record(result: Result): Promise<void> {
    const { check, target } = result.subject;
    this.results.push(result);
    this.#note(result);
    const { state } = result.observation;
    if (state !== undefined) this.#states.set(`${check} ${target}`, state);
  }

  async recordIncrements(increments: Increments): Promise<void> {
    this.increments.push(increments);
    this.#note(increments);
  }

  #note({ subject: { check, target }, bookedUnixMs = 0 }: Result | Increments): void {
    this.#booked.set(`${check} ${target}`, bookedUnixMs);
  }
}

export function followerOptions(
  clock: Clock,
  overrides: Partial<FollowerOptions> = {},
): FollowerOptions & { recorder: Recorder } {
  return {
    clock,
    gate: new Gate(4, clock),
    recorder: new MemoryRecorder(),
    blockedMs: () => 0,
    judge: async (observation) => observation,
    ...overrides,
  };
}
