import type { Observed } from '#agent/runs/observe';
import type { CheckPlan } from '#agent/plan';
import type { HistogramIncrement, Verdict } from '#lib/observation';
import type { ExitCode } from '../command.ts';

/** One run on one target, as `--json` prints it. Keys are added in later versions, never changed. */
export interface Finding {
  readonly check: string;
  readonly type: string;
  readonly service: string;
  readonly target: string;
  readonly verdict: Verdict['status'];
  /** Why it is not up: one of the values of error.type, and a sentence. */
  readonly error?: string;
  readonly message?: string;
  /** How long the target took, in milliseconds. */
  readonly durationMs: number;
  readonly measurements: readonly FoundValue[];
  readonly evidence: Readonly<Record<string, string | number | boolean>>;
}

export interface FoundValue {
  readonly name: string;
  readonly unit: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly value: number | HistogramIncrement;
}

export function findingOf(plan: CheckPlan, { observation, durationMs }: Observed): Finding {
  const { check, type, service, target } = plan;
  const { verdict, measurements, evidence = {} } = observation;
  return {
    check,
    type,
    service,
    target,
    verdict: verdict.status,
    ...(verdict.status === 'up' ? {} : { error: verdict.error, message: verdict.message }),
    // To the microsecond: what a clock's sums say beyond it is noise.
    durationMs: Math.round((observation.durationMs ?? durationMs) * 1000) / 1000,
    measurements: measurements.map(({ metric, attributes = {}, value }) => ({
      name: metric.name,
      unit: metric.unit,
      attributes,
      value,
    })),
    evidence,
  };
}

/** 1 when something is down, 3 when something could not be judged, 0 when all is up. */
export function exitCodeOf(verdicts: readonly Verdict['status'][]): ExitCode {
  if (verdicts.includes('down')) return 1;
  return verdicts.includes('unknown') ? 3 : 0;
}
