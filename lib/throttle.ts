import type { Clock } from './clock.ts';

/** Lets through what happens again and again once in a while only: lines of a log, for example. */
export class Throttle {
  readonly #everyMs: number;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #dueMs = new Map<string, number>();

  constructor(everyMs: number, clock: Pick<Clock, 'monotonicMs'>) {
    this.#everyMs = everyMs;
    this.#clock = clock;
  }

  /** True at the first call for `what`, and then not until the interval has passed. It remembers each `what`. */
  admits(what = ''): boolean {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs < (this.#dueMs.get(what) ?? -Infinity)) return false;
    this.#dueMs.set(what, nowMs + this.#everyMs);
    return true;
  }

  /** The next call is let through. */
  reset(what = ''): void {
    this.#dueMs.delete(what);
  }
}
