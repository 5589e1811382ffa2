import { quiet, type RuleGroup } from '../rule.ts';
import type { Settings } from '../settings.ts';
import { isFresh, perTarget } from '../verdicts.ts';

/** Numbers read from answers, against the bounds in the configuration. */
export function values({ lookback }: Settings): RuleGroup {
  const last = `last_over_time(probe_value[${lookback}])`;
  const bound = (which: string): string =>
    `last_over_time(probe_value_bound{bound="${which}"}[${lookback}])`;
  const outside = `(${bound('max')} < bool ignoring (bound) group_left () ${last} or ${bound('min')} > bool ignoring (bound) group_left () ${last})`;
  return {
    name: 'farpoint-values',
    intervalSeconds: 30,
    recordings: [],
    alerts: [
      {
        name: 'ValueOutOfBounds',
        expression: `max ${perTarget} (${outside} and ignoring (name, unit, bound) ${isFresh(lookback)})`,
        fires: { above: 0 },
        for: '2m',
        severity: 'warning',
        summary: ({ label }) =>
          `${label('name')} of ${label('instance')} (${label('check')}) is beyond its ${label('bound')}`,
        dashboard: { uid: 'farpoint-target', variables: ['job', 'instance', 'check'] },
        states: quiet,
      },
    ],
  };
}
