import type { Clock } from '#lib/clock';
import type { Evidence, Measurement, MetricDeclaration } from '#lib/observation';
import { arrivalMs } from './arrival.ts';
import type { TlsFacts } from './certificate.ts';
import type { Phase, Phases } from './phases.ts';
import type { Resolution } from './resolve.ts';

/**
 * Follows one run: in which phase it is, how long each took, and what was learned on the way. A phase
 * begins when we begin it and ends when its end arrives; what this process does between two of them is
 * in none, and the total is their sum. The phase in which a run failed counts up to the failure, and one
 * that was not reached is absent. A redirect begins a new hop, whose phases are kept apart from those
 * before.
 */
export class Trace {
  readonly clock: Clock;
  /** How the name was looked up in the newest hop. */
  resolution: Resolution | undefined;
  /** The address that is talked to, or that is waited for. */
  peer: string | undefined;
  /** What the TLS handshake of the newest hop told. */
  tls: TlsFacts | undefined;
  readonly #hops: Map<Phase, number>[] = [];
  readonly #measurements: Measurement[] = [];
  readonly #evidence: Record<string, string | number | boolean> = {};
  #current: Phase | undefined;
  #sinceMs = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Begins a hop with its first phase. */
  enterHop(phase: Phase): void {
    this.stop();
    this.#hops.push(new Map());
    this.resolution = undefined;
    this.peer = undefined;
    this.tls = undefined;
    this.enter(phase);
  }

  /** Ends the current phase, if that has not been done, and begins `phase` now. */
  enter(phase: Phase): void {
    this.stop();
    this.#begin(phase, this.clock.monotonicMs());
  }

  /** Ends the current phase and begins `phase` in the same instant: what arrived begins it. */
  reach(phase: Phase): void {
    this.#begin(phase, this.stop());
  }

  /** Ends the current phase when its end arrived, and gives that moment. */
  stop(): number {
    const hop = this.#hops.at(-1);
    if (hop === undefined || this.#current === undefined) return this.clock.monotonicMs();
    const endMs = Math.max(this.#sinceMs, arrivalMs(this.clock));
    hop.set(this.#current, (hop.get(this.#current) ?? 0) + endMs - this.#sinceMs);
    this.#current = undefined;
    return endMs;
  }

  /** Forgets phases of the newest hop: what was done in them was not yet what is to be measured. */
  forget(...phases: readonly Phase[]): void {
    this.stop();
    for (const phase of phases) this.#hops.at(-1)?.delete(phase);
  }

  /** The phase under way. */
  get current(): Phase | undefined {
    return this.#current;
  }

  /** Milliseconds of every phase that was reached, hop by hop. */
  get hops(): readonly Phases[] {
    return this.#hops;
  }

  /** Milliseconds of every phase that was reached, summed over the hops. */
  get phases(): Phases {
    const [first, second] = this.#hops;
    if (first !== undefined && second === undefined) return first;
    const sums = new Map<Phase, number>();
    for (const hop of this.#hops) {
      for (const [phase, ms] of hop) sums.set(phase, (sums.get(phase) ?? 0) + ms);
    }
    return sums;
  }

  /** The sum of all phases, in milliseconds. */
  get durationMs(): number {
    return this.phases.values().reduce((sum, ms) => sum + ms, 0);
  }

  /** Keeps a fact for a person to read; a fact of the same name replaces it. */
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

  #begin(phase: Phase, sinceMs: number): void {
    this.#current = phase;
    this.#sinceMs = sinceMs;
    const hop = this.#hops.at(-1);
    if (hop === undefined) this.#hops.push(new Map([[phase, 0]]));
    else if (!hop.has(phase)) hop.set(phase, 0);
  }
}
