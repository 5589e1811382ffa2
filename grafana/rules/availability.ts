import { quiet, type RuleGroup } from '../rule.ts';
import type { Settings } from '../settings.ts';
import { regionsThatTell, upShare, verdictRecordings } from '../verdicts.ts';

const dashboard = { uid: 'farpoint-target', variables: ['job', 'instance', 'check'] };

/** Whether targets are up, by quorum of regions. */
export function availability({ lookback }: Settings): RuleGroup {
  return {
    name: 'farpoint-availability',
    intervalSeconds: 30,
    recordings: verdictRecordings(lookback),
    alerts: [
      {
        name: 'TargetDown',
        // A strict majority: of two regions that disagree, neither can outvote the other.
        expression: `1 - ${upShare}`,
        fires: { above: 0.5 },
        for: '1m',
        severity: 'critical',
        summary: ({ label, where, why, since }) =>
          `${label('instance')} (${label('check')}) is down ${where}${why('target')}${since('down')}`,
        dashboard,
        states: quiet,
      },
      {
        name: 'RegionalOutage',
        // Nothing while the majority is down too: TargetDown tells that. What a region said holds while it
        // cannot tell, but no longer than the alert waits, which so never begins with what is held alone.
        expression: `(1 - last_over_time(farpoint:region:up[2m])) * ignoring (region) group_left () (${upShare} >= bool 0.5)`,
        fires: { above: 0 },
        for: '2m',
        severity: 'warning',
        summary: ({ label, why, since }) =>
          `${label('instance')} (${label('check')}) is down in ${label('region')} only${why('region')}${since('region')}`,
        dashboard,
        states: quiet,
      },
      {
        name: 'TargetUnknown',
        expression: regionsThatTell(lookback),
        fires: { below: 1 },
        for: '10m',
        severity: 'warning',
        summary: ({ label, since }) =>
          `No region can tell whether ${label('instance')} (${label('check')}) is up${since('target')}`,
        dashboard,
        states: quiet,
      },
    ],
  };
}
