import type { Clock } from '#lib/clock';

const sampleMs = 20;
/** What a timer is late by without anything being wrong. */
const toleratedMs = 20;

/**
 * How long the event loop has stood still: while it does, answers lie unread and deadlines pass, so
 * a failure in that time may be this process's and not the target's.
 */
export class LoopDelay implements Disposable {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #timer: NodeJS.Timeout;
  #expectedMs: number;
  #blockedMs = 0;

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
    this.#expectedMs = clock.monotonicMs() + sampleMs;
    this.#timer = setInterval(() => this.#sample(), sampleMs).unref();
  }

  /** Total time blocked so far, up to this moment; its difference over a run is that run's share. */
  blockedMs(): number {
    return this.#blockedMs + this.#overdueMs();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #sample(): void {
    this.#blockedMs += this.#overdueMs();
    this.#expectedMs = this.#clock.monotonicMs() + sampleMs;
  }

  #overdueMs(): number {
    const overdueMs = this.#clock.monotonicMs() - this.#expectedMs;
    return overdueMs > toleratedMs ? overdueMs : 0;
  }
}
