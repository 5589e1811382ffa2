import { keyRejections } from '../keys.ts';
import { LabelledCounter, type MetricFamily } from '../metric.ts';
import { signals } from '../queue/block.ts';
import { admissionRejections } from './admission.ts';

const bySignal = signals.map((signal) => ({ signal }));

/** What the receiving half of the collector counts. */
export class Telemetry {
  readonly requests = new LabelledCounter({
    name: 'farpoint_requests_total',
    labels: ['signal', 'code'],
    description: 'Requests answered, by signal (metrics, logs) and status code.',
  });
  readonly accepted = new LabelledCounter(
    {
      name: 'farpoint_items_accepted_total',
      labels: ['signal'],
      description: 'Data points and log records that are on disk.',
    },
    bySignal,
  );
  readonly rejected = new LabelledCounter(
    {
      name: 'farpoint_items_rejected_total',
      labels: ['signal', 'reason'],
      description: `Data points and log records that can never be accepted: ${admissionRejections.join(', ')}.`,
    },
    bySignal.flatMap((labels) => admissionRejections.map((reason) => ({ ...labels, reason }))),
  );
  readonly repeated = new LabelledCounter(
    {
      name: 'farpoint_batches_repeated_total',
      labels: ['signal'],
      description:
        'Numbered requests of which an outbox had delivered some before: nothing of them was stored.',
    },
    bySignal,
  );
  readonly missing = new LabelledCounter(
    {
      name: 'farpoint_batches_missing_total',
      labels: [],
      description:
        'Positions of outboxes that were never delivered here: dropped by the agent, or sent to another collector.',
    },
    [{}],
  );
  readonly keysRejected = new LabelledCounter(
    {
      name: 'farpoint_keys_rejected_total',
      labels: ['reason'],
      description: `Requests without a key that is good for them: ${keyRejections.join(', ')}.`,
    },
    keyRejections.map((reason) => ({ reason })),
  );
  readonly incidents = new LabelledCounter({
    name: 'farpoint_queue_incidents_total',
    labels: ['kind'],
    description: 'What the queue met on its disk, or dropped; the log says what in particular.',
  });
  readonly #lastSeenUnixMs = new Map<string, number>();
  readonly #clockOffsetMs = new Map<string, number>();

  /** An agent has been heard of, and may have said by how much its clock is ahead. */
  seen(agent: string, unixMs: number, clockOffsetMs?: number): void {
    this.#lastSeenUnixMs.set(agent, unixMs);
    if (clockOffsetMs !== undefined) this.#clockOffsetMs.set(agent, clockOffsetMs);
  }

  /** When an agent was last heard of; undefined if never. */
  lastSeenUnixMs(agent: string): number | undefined {
    return this.#lastSeenUnixMs.get(agent);
  }

  /** By how much an agent's clock is ahead of this one, as it said last; undefined if it never did. */
  clockOffsetMs(agent: string): number | undefined {
    return this.#clockOffsetMs.get(agent);
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
    ];
  }
}
