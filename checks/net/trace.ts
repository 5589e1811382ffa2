import { type Clock } from '#lib/clock';
import { type Evidence, type Measurement, type MetricDeclaration } from '#lib/observation';

/** The stretches a run over the network is made of, in order (`request` is the one of a DNS check). */
export type Phase = 'resolve' | 'connect' | 'tls' | 'request' | 'processing' | 'transfer';

/**
 * Follows one run: in which phase it is, how long each took, and what was learned on the way. Phases
 * follow each other without a gap, so that they always add up to the total; the phase in which a run
 * failed counts up to the failure, and one that was not reached is absent. A phase entered again, as
 * by a redirect, adds to its sum.
 */
export class Trace {
  readonly #clock: Clock;
  readonly #phases = new Map<Phase, number>();
  readonly #measurements: Measurement[] = [];
  readonly #evidence: Record<string, string | number | boolean> = {};
  #current: Phase | undefined;
  #sinceMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Ends the current phase and begins `phase` at the same instant. */
  enter(phase: Phase): void {
    this.stop();
    this.#current = phase;
    if (!this.#phases.has(phase)) this.#phases.set(phase, 0);
  }

  /** Ends the current phase; the time until the next `enter` belongs to none. */
  stop(): void {
    const nowMs = this.#clock.monotonicMs();
    if (this.#current !== undefined) {
      this.#phases.set(
        this.#current,
        (this.#phases.get(this.#current) ?? 0) + nowMs - this.#sinceMs,
      );
    }
    this.#current = undefined;
    this.#sinceMs = nowMs;
  }

  /** The phase under way. */
  get current(): Phase | undefined {
    return this.#current;
  }

  /** Milliseconds of every phase that was reached, the current one excepted. */
  get phases(): ReadonlyMap<Phase, number> {
    return this.#phases;
  }

  /** The sum of the phases, in milliseconds. */
  get durationMs(): number {
    return this.#phases.values().reduce((sum, ms) => sum + ms, 0);
  }

  /** Keeps a fact for a person to read. */
  note(fact: string, value: string | number | boolean): void {
    this.#evidence[fact] = value;
  }

  /** Keeps a value for the backend. */
  measure(metric: MetricDeclaration, value: number, attributes?: Record<string, string>): void {
    this.#measurements.push({ metric, value, ...(attributes && { attributes }) });
  }

  get evidence(): Evidence {
    return this.#evidence;
  }

  get measurements(): readonly Measurement[] {
    return this.#measurements;
  }
}
