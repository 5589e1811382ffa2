import { type Clock, createSystemClock } from '#lib/clock';

/** The time of this machine, running `factor` times as fast: minutes of an agent's life in seconds. */
export function createSwiftClock(factor: number): Clock {
  const real = createSystemClock();
  const startUnixMs = real.unixMs();
  const startMs = real.monotonicMs();
  const elapsedMs = (): number => (real.monotonicMs() - startMs) * factor;
  return {
    unixMs: () => startUnixMs + elapsedMs(),
    monotonicMs: elapsedMs,
    sleep: (ms, signal) => real.sleep(ms / factor, signal),
  };
}
