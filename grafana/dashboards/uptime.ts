import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import type { PanelBuilder } from '@grafana/grafana-foundation-sdk/table';
import {
  chosen,
  colouredCells,
  colours,
  dashboard,
  graph,
  table,
  thresholds,
  withTargetVariables,
} from '../panels.ts';
import type { Settings } from '../settings.ts';

/** Below this share of judged minutes an uptime is not to be quoted. */
const coverageMin = 0.95;

/** Uptime that can be quoted, and its budget. Over recorded minutes: see rules/slo.ts. */
export function uptime({ objective }: Settings): Dashboard {
  const legend = '{{instance}} {{check}}';
  const budget = Number((1 - objective).toPrecision(6));
  const daily = (title: string, series: string): ReturnType<typeof graph> =>
    graph(title, 'percentunit', { expression: average(series, '1d'), legend })
      .max(1)
      .interval('1h');
  return withTargetVariables(
    dashboard(
      'farpoint-uptime',
      'Farpoint: uptime and SLO',
      'Share of judged minutes in which a quorum of regions was up',
    ),
  )
    .time({ from: 'now-30d', to: 'now' })
    .refresh('5m')
    .withPanel(report(objective, budget))
    .withPanel(daily('Uptime, by day', counted))
    .withPanel(daily('Coverage, by day', judged))
    .withPanel(
      graph('Burn rate over an hour', 'short', {
        expression: `(1 - ${average(counted, '1h')}) / ${budget}`,
        legend,
      })
        .description('1 uses up the budget exactly')
        .span(24),
    )
    .build();
}

const up = 'farpoint:target:up';
const counted = 'farpoint:target:counted';
const judged = 'farpoint:target:judged';

function report(objective: number, budget: number): PanelBuilder {
  const columns = {
    Uptime: average(counted),
    Coverage: average(judged),
    'With maintenance': average(up),
    'At worst': `${average(up)} * ${average(judged)}`,
    'At best': `1 - (1 - ${average(up)}) * ${average(judged)}`,
    'Budget left': `1 - (1 - ${average(counted)}) / ${budget}`,
  };
  const names = Object.keys(columns).map((name, index) => [`Value #${refId(index)}`, name]);
  return table('Uptime', ...Object.values(columns).map((expression) => ({ expression })))
    .description(
      'Up by up and down, of the minutes in which some region could tell and that were not announced as maintenance. Coverage is the share of minutes that could be judged: below 95 %, do not quote the uptime. At worst and at best are what it would be if all other minutes had been down, or up.',
    )
    .withTransformation({
      id: 'organize',
      options: { renameByName: Object.fromEntries(names), excludeByName: { Time: true } },
    })
    .unit('percentunit')
    .decimals(3)
    .overrideByName('Uptime', colouredBelow(objective, colours.bad, colours.good))
    .overrideByName('Coverage', colouredBelow(coverageMin, colours.unknown, colours.none))
    .height(14);
}

function colouredBelow(
  value: number,
  below: string,
  above: string,
): Parameters<PanelBuilder['overrideByName']>[1] {
  const steps = thresholds([
    { value: null, color: below },
    { value, color: above },
  ]);
  return [colouredCells, { id: 'thresholds', value: steps.build() }];
}

function refId(index: number): string {
  return String.fromCharCode(65 + index);
}

function average(series: string, range = '$__range'): string {
  return `avg_over_time(${series}{${chosen}}[${range}])`;
}
