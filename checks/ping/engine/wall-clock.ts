import type { Clock } from '#lib/clock';
import type { Libc } from './libc.ts';

/** Below this, what looks like a step is the time between the reading of two clocks. */
const stepMinMs = 1;

/** Two clocks have been read at the same instant if no more than this has passed. */
const instantMs = 0.01;

/** The clock of the kernel's stamps, in milliseconds since an epoch near the start of the process. */
export class WallClock {
  readonly epochSeconds: number;
  readonly #libc: Libc;
  readonly #clock: Clock;
  readonly #words = new Uint32Array(4);
  readonly #bytes = new Uint8Array(this.#words.buffer);
  #offsetMs: number;

  constructor(libc: Libc, clock: Clock) {
    this.#libc = libc;
    this.#clock = clock;
    this.epochSeconds = Math.floor(clock.unixMs() / 1000);
    this.#offsetMs = this.#readOffset();
  }

  /** The wall time at a monotonic time since the last `step`. */
  at(nowMs: number): number {
    return nowMs + this.#offsetMs;
  }

  /** By how much somebody has set the clock since the last call; zero, as a rule. */
  step(): number {
    const offsetMs = this.#readOffset();
    const stepMs = offsetMs - this.#offsetMs;
    this.#offsetMs = offsetMs;
    return Math.abs(stepMs) < stepMinMs ? 0 : stepMs;
  }

  #readOffset(): number {
    for (let attempt = 1; ; attempt++) {
      const beforeMs = this.#clock.monotonicMs();
      const wallMs = this.#readMs();
      const afterMs = this.#clock.monotonicMs();
      if (afterMs - beforeMs < instantMs || attempt === 3) return wallMs - (beforeMs + afterMs) / 2;
    }
  }

  #readMs(): number {
    this.#libc.clock_gettime(CLOCK_REALTIME, this.#bytes);
    const [seconds = 0, , nanoseconds = 0] = this.#words;
    return (seconds - this.epochSeconds) * 1000 + nanoseconds / 1e6;
  }
}

const CLOCK_REALTIME = 0;
