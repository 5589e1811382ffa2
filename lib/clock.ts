/**
 * The time, passed in so that tests can hold it. Wall time dates results; every duration is a
 * difference of `monotonicMs`.
 */
export interface Clock {
  /**
   * Milliseconds since the Unix epoch; may be fractional. Never runs backwards, but for one case: the
   * system clock was more than a minute ahead and was put right.
   */
  unixMs(): number;
  /** Milliseconds from an arbitrary origin, with microsecond resolution; unaffected by clock steps. */
  monotonicMs(): number;
  /** Resolves after `ms`; rejects with the signal's reason when it aborts first. Any length is safe. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** Where a system clock reads the time; tests give their own. */
export interface TimeSources {
  unixMs(): number;
  monotonicMs(): number;
}

/** Node fires a timer at once when it is longer than 2^31 − 1 ms; this is safely below. */
const timerMaxMs = 2 ** 30;
/** A difference to the system clock is made up for at a twentieth of the speed of time… */
const slewRate = 0.05;
/** …and from here on at once: dating results wrongly for days is worse than one step. */
const stepMs = 60_000;

/**
 * The clock of this machine. Wall time is an anchor plus the monotonic clock, slewed towards the
 * system clock, so that a small correction of it neither repeats a moment nor stretches an interval.
 */
export function createSystemClock(
  sources: TimeSources = { unixMs: Date.now, monotonicMs: () => performance.now() },
): Clock {
  let anchorUnixMs = sources.unixMs();
  let anchorMonotonicMs = sources.monotonicMs();

  function unixMs(): number {
    const monotonicMs = sources.monotonicMs();
    const elapsedMs = monotonicMs - anchorMonotonicMs;
    const behindMs = sources.unixMs() - (anchorUnixMs + elapsedMs);
    const slewMaxMs = Math.abs(behindMs) > stepMs ? Infinity : elapsedMs * slewRate;
    anchorUnixMs += elapsedMs + Math.max(-slewMaxMs, Math.min(behindMs, slewMaxMs));
    anchorMonotonicMs = monotonicMs;
    return anchorUnixMs;
  }

  async function sleep(ms: number, signal: AbortSignal): Promise<void> {
    const endMs = sources.monotonicMs() + ms;
    signal.throwIfAborted();
    for (let leftMs = ms; leftMs > 0; leftMs = endMs - sources.monotonicMs()) {
      await waitOnce(Math.min(Math.ceil(leftMs), timerMaxMs), signal);
    }
  }

  return { unixMs, monotonicMs: () => sources.monotonicMs(), sleep };
}

function waitOnce(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', abort);
      resolve();
    }, ms);
    function abort(): void {
      clearTimeout(timer);
      reject(signal.reason);
    }
    signal.addEventListener('abort', abort, { once: true });
  });
}
