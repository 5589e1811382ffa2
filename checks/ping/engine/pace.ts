/**
 * How many packets may go now: `perSecond` on average, and after a pause no more than a twentieth of a
 * second's worth and one at once (a token bucket). That one more keeps the part of a packet that has been
 * earned already, so that nothing of the rate is lost to whoever looks every twentieth of a second.
 */
export class Pace {
  readonly #perMs: number;
  readonly #capacity: number;
  #tokens: number;
  #filledMs = Number.NEGATIVE_INFINITY;

  constructor(perSecond: number) {
    this.#perMs = perSecond / 1000;
    this.#capacity = 1 + perSecond / 20;
    this.#tokens = this.#capacity;
  }

  /** How many may go at `nowMs` (monotonic). */
  allowance(nowMs: number): number {
    const earned = (nowMs - this.#filledMs) * this.#perMs;
    this.#tokens = Math.min(this.#capacity, this.#tokens + earned);
    this.#filledMs = nowMs;
    return Math.floor(this.#tokens);
  }

  spend(packets: number): void {
    this.#tokens -= packets;
  }
}
