import type { Clock } from '#lib/clock';

/**
 * Runs an agent lets do the CPU-heavy part of their start at a time. More of them measure each other, for
 * a handshake takes a millisecond of CPU; one alone leaves this process idle while the server computes
 * (test/bench/http.ts).
 */
export const passes = 2;

/** After this a run is taken to be waiting for the network, whether it says so or not. */
const passMs = 5;

/** A reason of our own: the one that abort makes by itself is an exception with a stack, and costs more than all else here. */
const handedBack = 'handed back';

/**
 * Bounds how many runs do the CPU-heavy part of their start (a handshake, a request) at a time, so that
 * two hundred that are due together do not measure each other. It does not bound how many wait for the
 * network: a pass is given back as soon as a run waits, or after 5 ms. First come, first served.
 */
export class Gate {
  readonly #clock: Clock;
  readonly #queue = new Set<() => void>();
  #free: number;

  constructor(free: number, clock: Clock) {
    this.#free = free;
    this.#clock = clock;
  }

  /** Waits for a pass and gives the function that hands it back, which may be called any number of times. */
  async enter(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#free > 0) this.#free -= 1;
    else await this.#wait(signal);
    const left = new AbortController();
    left.signal.addEventListener('abort', () => this.#handOn(), { once: true });
    const leave = (): void => left.abort(handedBack);
    this.#clock.sleep(passMs, left.signal).then(leave, () => undefined);
    return leave;
  }

  #wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const admit = (): void => {
        signal.removeEventListener('abort', abort);
        resolve();
      };
      const abort = (): void => {
        this.#queue.delete(admit);
        reject(signal.reason);
      };
      this.#queue.add(admit);
      signal.addEventListener('abort', abort, { once: true });
    });
  }

  #handOn(): void {
    const [next] = this.#queue;
    if (next === undefined) {
      this.#free += 1;
      return;
    }
    this.#queue.delete(next);
    next();
  }
}
