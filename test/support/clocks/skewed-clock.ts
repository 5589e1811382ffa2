import { globSync } from 'node:fs';

/** Environment of a process whose clock is to be ahead by `+20s`, or behind by `-10m`; its durations stay right. */
export function skewedClock(by: string): Readonly<Record<string, string>> {
  const [library = ''] = globSync('/usr/lib/*/faketime/libfaketime.so.1');
  return { LD_PRELOAD: library, FAKETIME: by, FAKETIME_DONT_FAKE_MONOTONIC: '1' };
}
