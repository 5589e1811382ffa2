import { type Alert, recorded, type RuleGroup } from '../rule.ts';
import type { Settings } from '../settings.ts';
import { perTarget } from '../verdicts.ts';

/** Multi-window burn rates (Site Reliability Workbook, chapter 5, "Alerting on SLOs"). */
const burns = [
  { name: 'SloBurnFast', long: hours(1), short: hours(1 / 12), rate: 14.4, severity: 'critical' },
  { name: 'SloBurnSteady', long: hours(6), short: hours(0.5), rate: 6, severity: 'critical' },
  { name: 'SloBurnSlow', long: hours(24), short: hours(2), rate: 3, severity: 'warning' },
] as const;

/** One lost minute is within what a check every minute can see by chance. */
const badMinutesMin = 2;

/**
 * Uptime, honestly: whether a quorum of regions is up is written down every minute, so that regions are
 * merged per instant, and averages are over minutes and not over runs. A minute in which no region
 * could tell is neither up nor down; how many there were is the coverage.
 */
export function slo({ lookback, objective }: Settings): RuleGroup {
  const known = `0 * max ${perTarget} (last_over_time(probe_verdict{verdict="up"}[${lookback}]))`;
  return {
    name: 'farpoint-slo',
    intervalSeconds: 60,
    recordings: [
      {
        name: 'farpoint:target:up',
        expression: 'avg without (region) (farpoint:region:up) >= bool 0.5',
      },
      {
        // The minutes that count: announced maintenance is left out, above and below the line.
        name: 'farpoint:target:counted',
        expression: `farpoint:target:up unless (max without (region, agent) (probe_maintenance) == 1)`,
      },
      {
        name: 'farpoint:target:judged',
        expression: `(farpoint:target:up >= bool 0) or ${known}`,
      },
    ],
    alerts: burns.map(({ name, long, short, rate, severity }): Alert => {
      const slow = burn(long, objective);
      const fast = burn(short, objective);
      return {
        name,
        expression: `(${slow} <= ${fast}) or ${fast}`,
        fires: { above: Math.max(rate, badMinutesMin / long.minutes / (1 - objective)) },
        for: '0s',
        severity,
        summary: ({ label, value }) =>
          `${label('instance')} (${label('check')}) uses up its error budget ${value('number')} times as fast as it may, over ${long.window} and ${short.window}`,
        dashboard: { uid: 'farpoint-uptime', variables: ['job', 'instance', 'check'] },
        states: recorded,
      };
    }),
  };
}

function hours(count: number): { window: string; minutes: number } {
  const minutes = count * 60;
  return { window: minutes < 60 ? `${minutes}m` : `${count}h`, minutes };
}

/**
 * How many times as fast as it may the budget is used up. A window that was judged only in part counts
 * in proportion: a target of which an hour is known has not yet had a bad day.
 */
function burn({ window, minutes }: { window: string; minutes: number }, objective: number): string {
  const counted = `farpoint:target:counted[${window}]`;
  const budget = Number((1 - objective).toPrecision(6));
  return `(1 - avg_over_time(${counted})) * clamp_max(count_over_time(${counted}) / ${minutes}, 1) / ${budget}`;
}
