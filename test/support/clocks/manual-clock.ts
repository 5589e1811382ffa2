import { setImmediate } from 'node:timers/promises';
import type { Clock } from '#lib/clock';

interface Sleeper {
  readonly wakeMs: number;
  wake(): void;
}

/**
 * A clock that stands still until a test moves it. Sleepers wake in the order of their times, each
 * with the clock at its own time, and what they set off runs before the next one wakes.
 */
export class ManualClock implements Clock {
  readonly #sleepers = new Set<Sleeper>();
  #elapsedMs = 0;
  #originUnixMs: number;

  constructor(unixMs = 1_700_000_000_000) {
    this.#originUnixMs = unixMs;
  }

  unixMs(): number {
    return this.#originUnixMs + this.#elapsedMs;
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const sleeper: Sleeper = { wakeMs: this.#elapsedMs + ms, wake };
      const sleepers = this.#sleepers;
      function wake(): void {
        signal.removeEventListener('abort', abort);
        resolve();
      }
      function abort(): void {
        sleepers.delete(sleeper);
        reject(signal.reason);
      }
      sleepers.add(sleeper);
      signal.addEventListener('abort', abort, { once: true });
    });
  }

  /** Lets `ms` pass. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#elapsedMs + ms;
    await setImmediate();
    for (let next = this.#next(endMs); next !== undefined; next = this.#next(endMs)) {
      this.#sleepers.delete(next);
      this.#elapsedMs = Math.max(this.#elapsedMs, next.wakeMs);
      next.wake();
      await setImmediate();
    }
    this.#elapsedMs = endMs;
  }

  /** Moves the wall clock without letting time pass, as an operator or a suspended machine does. */
  step(ms: number): void {
    this.#originUnixMs += ms;
  }

  #next(endMs: number): Sleeper | undefined {
    let next: Sleeper | undefined;
    for (const sleeper of this.#sleepers) {
      if (sleeper.wakeMs <= endMs && sleeper.wakeMs < (next?.wakeMs ?? Infinity)) next = sleeper;
    }
    return next;
  }
}
