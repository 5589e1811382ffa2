/**
 * The time, passed in so that tests can hold it. Wall time dates results; every duration is a
 * difference of `monotonicMs`.
 */
export interface Clock {
  /** Milliseconds since the Unix epoch; may be fractional; never runs backwards. */
  unixMs(): number;
  /** Milliseconds from an arbitrary origin, with microsecond resolution; unaffected by clock steps. */
  monotonicMs(): number;
  /** Resolves after `ms`; rejects with the signal's reason when it aborts first. Any length is safe. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}
