import type { MetricDeclaration, Observation } from '#lib/observation';
import type { Failure } from './failure.ts';
import { recordFacts } from './metrics.ts';
import type { Trace } from './trace.ts';

/** Turns what a run found out into its observation; its phases are measured by `duration`. */
export function toObservation(
  failure: Failure | undefined,
  trace: Trace,
  duration: MetricDeclaration,
): Observation {
  trace.stop();
  for (const [phase, ms] of trace.phases) trace.measure(duration, ms / 1000, { phase });
  recordFacts(trace);
  return {
    verdict: failure?.verdict ?? { status: 'up' },
    measurements: trace.measurements,
    ...(trace.hops.length > 0 && { durationMs: trace.durationMs }),
    evidence: trace.evidence,
    ...(trace.peer !== undefined && { peer: trace.peer }),
  };
}
