import { admissionRejections } from './admission.ts';
import { signals } from './block.ts';
import { keyRejections } from './keys.ts';

/** Label values by name. */
export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

/** One metric with all its samples, as /metrics shows it. */
export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  readonly samples: readonly Sample[];
}

/** A counter with one number for every combination of labels it has met. */
export class LabelledCounter {
  readonly #name: string;
  readonly #help: string;
  readonly #values = new Map<string, { readonly labels: Labels; value: number }>();

  /** Combinations that are known beforehand start at 0, so that their first increase is seen as one. */
  constructor(name: string, help: string, known: readonly Labels[] = []) {
    this.#name = name;
    this.#help = help;
    for (const labels of known) this.add(0, labels);
  }

  add(amount: number, labels: Labels): void {
    const key = JSON.stringify(Object.values(labels));
    const known = this.#values.get(key);
    if (known === undefined) this.#values.set(key, { labels, value: amount });
    else known.value += amount;
  }

  get family(): MetricFamily {
    const samples = [...this.#values.values()];
    return { name: this.#name, help: this.#help, type: 'counter', samples };
  }
}

const bySignal = signals.map((signal) => ({ signal }));

/** What the receiving half of the collector counts about itself. */
export class Telemetry {
  readonly requests = new LabelledCounter(
    'farpoint_requests_total',
    'Requests answered, by signal and status code.',
  );
  readonly accepted = new LabelledCounter(
    'farpoint_items_accepted_total',
    'Data points and log records that are on disk.',
    bySignal,
  );
  readonly rejected = new LabelledCounter(
    'farpoint_items_rejected_total',
    'Data points and log records that can never be accepted, by reason.',
    bySignal.flatMap((labels) => admissionRejections.map((reason) => ({ ...labels, reason }))),
  );
  readonly repeated = new LabelledCounter(
    'farpoint_batches_repeated_total',
    'Numbered requests that an outbox had delivered before; nothing of them was stored again.',
    bySignal,
  );
  readonly missing = new LabelledCounter(
    'farpoint_batches_missing_total',
    'Positions of outboxes that were skipped: their agents dropped them.',
    [{}],
  );
  readonly keysRejected = new LabelledCounter(
    'farpoint_keys_rejected_total',
    'Requests without a valid key, by reason.',
    keyRejections.map((reason) => ({ reason })),
  );
  readonly incidents = new LabelledCounter(
    'farpoint_queue_incidents_total',
    'Damage and trouble the queue met on its disk, by kind.',
  );
  readonly #lastSeenUnixMs = new Map<string, number>();

  /** An agent has been heard of. */
  seen(agent: string, unixMs: number): void {
    this.#lastSeenUnixMs.set(agent, unixMs);
  }

  /** When an agent was last heard of; undefined if never. */
  lastSeenUnixMs(agent: string): number | undefined {
    return this.#lastSeenUnixMs.get(agent);
  }

  get families(): readonly MetricFamily[] {
    return [
      this.requests,
      this.accepted,
      this.rejected,
      this.repeated,
      this.missing,
      this.keysRejected,
      this.incidents,
    ].map(({ family }) => family);
  }
}
