import { setTimeout } from 'node:timers/promises';
import type { Clock } from '#lib/clock';

/** The real time, but who sleeps wakes much earlier: for back-off over real sockets and files. */
export class QuickClock implements Clock {
  readonly #factor: number;
  /** What was asked for, in order. */
  readonly sleepsMs: number[] = [];

  constructor(factor = 100) {
    this.#factor = factor;
  }

  unixMs(): number {
    return Date.now();
  }

  monotonicMs(): number {
    return performance.now();
  }

  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    this.sleepsMs.push(ms);
    await setTimeout(ms / this.#factor, undefined, { signal });
  }
}

/** Its wall time stands still. */
export class StandingClock extends QuickClock {
  readonly #unixMs: number;

  constructor(unixMs: number) {
    super();
    this.#unixMs = unixMs;
  }

  override unixMs(): number {
    return this.#unixMs;
  }
}
