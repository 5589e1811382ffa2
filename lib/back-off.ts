export interface BackOffOptions {
  /** The first delay is somewhere below this. */
  readonly initialMs: number;
  /** No delay of our own choosing exceeds this. */
  readonly maxMs: number;
  /** Gives numbers in [0, 1), as Math.random does. */
  readonly random?: () => number;
}

/**
 * How long to wait before the next try: exponential with full jitter, which spreads clients that
 * failed together over the whole interval. Each `next` doubles the interval, `reset` after a success
 * starts over.
 */
export class BackOff {
  readonly #initialMs: number;
  readonly #maxMs: number;
  readonly #random: () => number;
  #ceilingMs: number;

  constructor({ initialMs, maxMs, random = Math.random }: BackOffOptions) {
    this.#initialMs = initialMs;
    this.#maxMs = maxMs;
    this.#random = random;
    this.#ceilingMs = Math.min(initialMs, maxMs);
  }

  /**
   * Milliseconds to wait: at least `floorMs` (what the server asked for in Retry-After, however long),
   * and the jitter on top of it, so that a server's answer does not bring everybody back at once.
   */
  next(floorMs = 0): number {
    const jitterMs = this.#random() * this.#ceilingMs;
    this.#ceilingMs = Math.min(this.#ceilingMs * 2, this.#maxMs);
    return Math.max(floorMs, 0) + jitterMs;
  }

  reset(): void {
    this.#ceilingMs = Math.min(this.#initialMs, this.#maxMs);
  }
}
