import type { EchoPlan } from '#checks/ping/pinger';

/** Echo requests to 127.0.0.1, but for what is said otherwise. */
export function echoPlan(rest: Partial<EchoPlan> = {}): EchoPlan {
  return {
    address: '127.0.0.1',
    family: 4,
    count: 3,
    gapMs: 10,
    waitMs: 1000,
    timeLeftMs: 10_000,
    size: 56,
    hopLimit: undefined,
    dontFragment: false,
    source: undefined,
    stragglers: { duplicate: 0, late: 0, corrupted: 0 },
    ...rest,
  };
}
