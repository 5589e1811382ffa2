import { runMetrics } from '#agent/runs/account';
import type { MetricDeclaration, Observation } from '#lib/observation';
import type { Result } from '#lib/results';

/** A counter of made-up checks. */
export const seen: MetricDeclaration = {
  name: 'probe.seen',
  unit: '{thing}',
  kind: 'counter',
  description: 'Things seen.',
};

/** A result that is up, with whatever matters to the test. */
export function resultOf(
  startedUnixMs: number,
  observation: Partial<Observation> = {},
  target = 'https://clowder.example.org/',
): Result {
  return {
    subject: {
      check: 'home',
      type: 'test',
      service: 'clowder',
      target,
      region: 'eu-west',
      agent: 'eu-west-1',
      labels: {},
    },
    run: `run-${startedUnixMs}`,
    startedUnixMs,
    durationMs: 12,
    timeoutMs: 10_000,
    validUntilUnixMs: startedUnixMs + 100_000,
    observation: { verdict: { status: 'up' }, measurements: [], ...observation },
    declarations: [...runMetrics, seen],
  };
}
