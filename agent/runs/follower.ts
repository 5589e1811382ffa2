import { randomUUID } from 'node:crypto';
import type { Check } from '#checks/check';
import type { Clock } from '#lib/clock';
import type { MetricDeclaration, Observation } from '#lib/observation';
import type { Increments, Result } from '#lib/results';
import type { Subject } from '#lib/results/subject';
import { Account, type SkipReason, admissionWait, loopBlocked, runMetrics } from './account.ts';
import type { Assignment } from './assignment.ts';
import type { Gate } from './gate.ts';
import { type Observed, createExclusive, createFailing, observe } from './observe.ts';
import { type Timetable, createTimetable, validUntil } from './schedule.ts';

/** Where results go. Both resolve when the next run may start; neither ever rejects. */
export interface Recorder {
  /** The check's state that is safely stored. */
  stateOf(subject: Subject): unknown;
  /** Up to when the counters that are safely stored tell of every run that was due; undefined for a new target. */
  bookedUnixMsOf(subject: Subject): number | undefined;
  record(result: Result): Promise<void>;
  recordIncrements(increments: Increments): Promise<void>;
}

export interface FollowerOptions {
  readonly clock: Clock;
  readonly gate: Gate;
  readonly recorder: Recorder;
  blockedMs(): number;
  /** Judges what a run saw, which began at `startMs` of the monotonic clock, by what is known of this host's own network. */
  judge(observation: Observation, startMs: number): Promise<Observation>;
}

/** A clock that was put back is noticed after this. */
const recheckMs = 60_000;
/** An agent that was away for longer was not meant to look, or its clock is wrong. */
const awayMsMax = 30 * 86_400_000;

interface Due {
  readonly dueUnixMs: number;
  /** How long the run waited to be admitted. */
  readonly waitMs: number;
}

type Stage = 'idle' | 'admission' | 'running' | 'recording';

const skipReasonOf: Readonly<Record<Exclude<Stage, 'idle'>, SkipReason>> = {
  admission: 'overloaded',
  running: 'overlap',
  recording: 'outbox_stalled',
};

/** Runs one check on one target whenever it is due, one run at a time, and keeps the books. */
export class Follower {
  readonly account = new Account();
  readonly #assignment: Assignment;
  readonly #options: FollowerOptions;
  readonly #timetable: Timetable;
  #check: Check | undefined;
  #stage: Stage = 'idle';
  /** Every run that was due up to here is in the account. */
  #bookedUnixMs = 0;
  #flight: Promise<void> = Promise.resolve();

  constructor(assignment: Assignment, options: FollowerOptions) {
    this.#assignment = assignment;
    this.#options = options;
    this.#timetable = createTimetable(assignment.plan);
  }

  /** Until `stop` aborts, starts what is due. A run in flight then goes on until it ends or `abandon` aborts. */
  async follow(stop: AbortSignal, abandon: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    this.#bookedUnixMs = this.#countStopped(clock.unixMs());
    for (;;) {
      const reached = await this.#reach(this.#timetable.nextAfter(this.#bookedUnixMs), stop);
      if (reached === undefined) return;
      this.#bookedUnixMs = this.#countMissed(reached);
      this.#begin(this.#bookedUnixMs, abandon);
    }
  }

  /** Waits for the run in flight, books what was skipped after the last result, and lets go of the check. */
  async finish(): Promise<void> {
    const { subject } = this.#assignment;
    await this.#flight;
    const measurements = this.account.take();
    if (measurements.some(({ value }) => value !== 0)) {
      const declarations = this.#declarations();
      const atUnixMs = this.#options.clock.unixMs();
      await this.#options.recorder.recordIncrements({
        subject,
        bookedUnixMs: this.#bookedUnixMs,
        declarations,
        measurements,
        atUnixMs,
      });
    }
    await this.#check?.[Symbol.asyncDispose]?.();
  }

  /** Counts what was due while no agent was here to run it; gives back the moment up to which it looked. */
  #countStopped(startUnixMs: number): number {
    const booked = this.#options.recorder.bookedUnixMsOf(this.#assignment.subject) ?? Infinity;
    const after = Math.max(booked, startUnixMs - awayMsMax);
    this.account.skip('agent_stopped', this.#timetable.within(after, startUnixMs).count);
    return startUnixMs;
  }

  /** Resolves to the moment that has come: an earlier one when the clock was put back; undefined when stopped. */
  async #reach(dueUnixMs: number, stop: AbortSignal): Promise<number | undefined> {
    const { clock } = this.#options;
    let reached = dueUnixMs;
    for (let leftMs = reached - clock.unixMs(); leftMs > 0; leftMs = reached - clock.unixMs()) {
      await clock.sleep(Math.min(leftMs, recheckMs), stop).catch(() => undefined);
      if (stop.aborted) return undefined;
      reached = Math.min(reached, this.#timetable.nextAfter(clock.unixMs()));
    }
    return stop.aborted ? undefined : reached;
  }

  /** Gives the newest moment that has come; the ones before it passed while this process stood still. */
  #countMissed(reachedUnixMs: number): number {
    const nowUnixMs = this.#options.clock.unixMs();
    // Nothing stood still for so long: the clock was wrong, and has been put right.
    if (nowUnixMs - reachedUnixMs > awayMsMax) return nowUnixMs;
    const { count, last = reachedUnixMs } = this.#timetable.within(reachedUnixMs, nowUnixMs);
    this.account.skip('missed', count);
    return last;
  }

  #begin(dueUnixMs: number, abandon: AbortSignal): void {
    if (this.#stage === 'idle') {
      this.account.begin();
      this.#flight = this.#run(dueUnixMs, abandon);
    } else {
      this.account.skip(skipReasonOf[this.#stage]);
    }
  }

  async #run(dueUnixMs: number, abandon: AbortSignal): Promise<void> {
    const { clock, gate, recorder } = this.#options;
    this.#stage = 'admission';
    const waitStartMs = clock.monotonicMs();
    const leave = await gate.enter(abandon).catch(() => undefined);
    const waitMs = clock.monotonicMs() - waitStartMs;
    const result = leave && (await this.#look({ dueUnixMs, waitMs }, leave, abandon));
    leave?.();
    if (result === undefined) {
      this.account.abandon('agent_stopping');
    } else {
      this.#stage = 'recording';
      await recorder.record(result);
    }
    this.#stage = 'idle';
  }

  /** One run from its admission on: its clock starts here. Undefined when it was abandoned. */
  async #look(
    { dueUnixMs, waitMs }: Due,
    leave: () => void,
    abandon: AbortSignal,
  ): Promise<Result | undefined> {
    const { clock, recorder } = this.#options;
    const { plan, subject } = this.#assignment;
    const { timeoutMs } = plan;
    const check = await this.#prepare();
    const state = recorder.stateOf(subject);
    this.#stage = 'running';
    const startedUnixMs = clock.unixMs();
    const startMs = clock.monotonicMs();
    const blockedMs = (): number => this.#options.blockedMs();
    const options = { timeoutMs, state, clock, blockedMs, waiting: leave };
    const observed = await observe(check, options, abandon);
    if (observed === undefined) return undefined;
    const observation = await this.#options.judge(observed.observation, startMs);
    this.account.complete(startedUnixMs - dueUnixMs);
    return {
      subject,
      run: randomUUID(),
      startedUnixMs,
      durationMs: observed.durationMs,
      timeoutMs,
      validUntilUnixMs: validUntil(this.#timetable, dueUnixMs, timeoutMs),
      bookedUnixMs: this.#bookedUnixMs,
      observation: this.#withOwn({ ...observed, observation }, waitMs),
      declarations: this.#declarations(),
    };
  }

  /** What the agent knows of the run stands beside what the check found out. */
  #withOwn({ observation, blockedMs }: Observed, waitMs: number): Observation {
    const measurements = [
      ...this.account.take(),
      { metric: admissionWait, value: waitMs / 1000 },
      { metric: loopBlocked, value: blockedMs / 1000 },
      ...observation.measurements,
    ];
    return { ...observation, measurements };
  }

  async #prepare(): Promise<Check> {
    try {
      this.#check ??= createExclusive(await this.#assignment.create());
      return this.#check;
    } catch (error) {
      return createFailing(error);
    }
  }

  #declarations(): readonly MetricDeclaration[] {
    return [...runMetrics, ...this.#assignment.metrics];
  }
}
