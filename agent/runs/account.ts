import type { Measurement, MetricDeclaration } from '#lib/observation';

/**
 * Why a run that was due did not happen: the one before it was still running (`overlap`), waiting for
 * admission (`overloaded`) or being written to disk (`outbox_stalled`); the moment passed while this
 * process or its machine stood still (`missed`); the agent stopped before the run ended.
 */
export const skipReasons = [
  'overlap',
  'overloaded',
  'outbox_stalled',
  'missed',
  'agent_stopping',
  'agent_stopped',
] as const;
export type SkipReason = (typeof skipReasons)[number];

const scheduled: MetricDeclaration = {
  name: 'farpoint.runs.scheduled',
  unit: '{run}',
  kind: 'counter',
  description: 'Runs that were due: completed, skipped or in flight, always.',
};
const completed: MetricDeclaration = {
  name: 'farpoint.runs.completed',
  unit: '{run}',
  kind: 'counter',
  description: 'Runs that ended with a verdict.',
};
const skipped: MetricDeclaration = {
  name: 'farpoint.runs.skipped',
  unit: '{run}',
  kind: 'counter',
  description: `Runs that were due and did not happen, by reason: ${skipReasons.join(', ')}.`,
  attributes: ['reason'],
};
const late: MetricDeclaration = {
  name: 'farpoint.runs.late',
  unit: '{run}',
  kind: 'counter',
  description: 'Completed runs that started more than a second after they were due.',
};
export const admissionWait: MetricDeclaration = {
  name: 'farpoint.runs.admission.wait',
  unit: 's',
  kind: 'gauge',
  description: 'How long the run waited to be admitted; not part of any other duration.',
};
export const loopBlocked: MetricDeclaration = {
  name: 'farpoint.runs.loop.blocked',
  unit: 's',
  kind: 'gauge',
  description: "For how much of the run the agent's event loop stood still.",
};

/** What the agent adds to every result about the run itself. */
export const runMetrics: readonly MetricDeclaration[] = [
  scheduled,
  completed,
  skipped,
  late,
  admissionWait,
  loopBlocked,
];

const lateMs = 1000;

/** One counter series each; a reason stands for runs skipped for it. */
type Entry = 'scheduled' | 'completed' | 'late' | SkipReason;

const series: readonly (readonly [Entry, Omit<Measurement, 'value'>])[] = [
  ['scheduled', { metric: scheduled }],
  ['completed', { metric: completed }],
  ['late', { metric: late }],
  ...skipReasons.map((reason) => [reason, { metric: skipped, attributes: { reason } }] as const),
];

/**
 * The books of one target since the agent started. `scheduled = completed + skipped + in flight` holds
 * after every entry: each run that is due is entered once, and closed once.
 */
export class Account {
  readonly #counts = new Map<Entry, number>();
  #taken = new Map<Entry, number>();
  #inFlight = 0;

  get inFlight(): number {
    return this.#inFlight;
  }

  count(...entries: readonly Entry[]): number {
    return entries.reduce((sum, entry) => sum + (this.#counts.get(entry) ?? 0), 0);
  }

  /** A run was due and is on its way. */
  begin(): void {
    this.#add('scheduled');
    this.#inFlight += 1;
  }

  /** Runs were due that never began. */
  skip(reason: SkipReason, runs = 1): void {
    this.#add('scheduled', runs);
    this.#add(reason, runs);
  }

  /** The run on its way will have no verdict. */
  abandon(reason: SkipReason): void {
    this.#inFlight -= 1;
    this.#add(reason);
  }

  /** The run on its way ended with a verdict, having started `overdueMs` after it was due. */
  complete(overdueMs: number): void {
    this.#inFlight -= 1;
    this.#add('completed');
    if (overdueMs > lateMs) this.#add('late');
  }

  /** What was counted since it was taken last; zeros too, so that every series exists from the start. */
  take(): readonly Measurement[] {
    const taken = this.#taken;
    this.#taken = new Map(this.#counts);
    return series.map(([entry, named]) => ({
      ...named,
      value: this.count(entry) - (taken.get(entry) ?? 0),
    }));
  }

  #add(entry: Entry, runs = 1): void {
    this.#counts.set(entry, this.count(entry) + runs);
  }
}
