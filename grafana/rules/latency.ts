import { quiet, type RuleGroup } from '../rule.ts';

/** Below this a target is fast, however much slower than ever it is. */
const negligibleSeconds = 0.1;

/**
 * How long targets take, against their own past in the same region: the median of the last half hour
 * by that of a day. Only runs that were up count, so that a deadline is not taken for a duration.
 */
export function latency(): RuleGroup {
  const now =
    'quantile_over_time(0.5, (probe_duration_seconds{type!="log"} and probe_success == 1)[30m:1m])';
  const past = `clamp_min(quantile_over_time(0.5, probe_duration_seconds{type!="log"}[1d] offset 1h), ${negligibleSeconds})`;
  return {
    name: 'farpoint-latency',
    intervalSeconds: 60,
    recordings: [
      {
        name: 'farpoint:region:slowdown',
        expression: `max without (agent) (${now} / ${past}) * farpoint:region:up`,
      },
    ],
    alerts: [
      {
        name: 'LatencyDegraded',
        expression: 'farpoint:region:slowdown',
        fires: { above: 2 },
        for: '10m',
        severity: 'warning',
        summary: ({ label, value }) =>
          `${label('instance')} (${label('check')}) takes ${value('number')} times as long in ${label('region')} as over the past day`,
        dashboard: { uid: 'farpoint-target', variables: ['job', 'instance', 'check'] },
        states: quiet,
      },
    ],
  };
}
