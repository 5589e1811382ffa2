import type { CheckPlan } from '#agent/plan';

/** A plan with whatever matters to the test. */
export function planOf(overrides: Partial<CheckPlan> = {}): CheckPlan {
  return {
    check: 'home',
    type: 'test',
    service: 'clowder',
    target: 'https://clowder.example.org/',
    labels: {},
    schedule: { everyMs: 30_000 },
    timeoutMs: 10_000,
    regionIndex: 0,
    regionCount: 1,
    settings: {},
    ...overrides,
  };
}
