import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import {
  chosen,
  colouredCells,
  colours,
  dashboard,
  numbers,
  table,
  thresholds,
  timeline,
  verdictMappings,
  withTargetVariables,
} from '../panels.ts';
import type { Settings } from '../settings.ts';
import { fresh, regionState } from '../verdicts.ts';

/** Every target in every region, now and over time. */
export function overview({ lookback }: Settings): Dashboard {
  const count = (verdict: string): string =>
    `sum(max without (agent) (${fresh(verdict, lookback, chosen)})) or vector(0)`;
  const from = (value: number, color: string): { value: number; color: string } => ({
    value,
    color,
  });
  return withTargetVariables(
    dashboard('farpoint-overview', 'Farpoint: overview', 'Every target in every region'),
  )
    .withPanel(
      numbers('Up', 'short', [{ value: null, color: colours.good }], {
        expression: count('up'),
      }).description('Targets times regions that are up'),
    )
    .withPanel(
      numbers('Down', 'short', [{ value: null, color: colours.none }, from(1, colours.bad)], {
        expression: count('down'),
      }),
    )
    .withPanel(
      numbers(
        'Unknown',
        'short',
        [{ value: null, color: colours.none }, from(1, colours.unknown)],
        {
          expression: count('unknown'),
        },
      ).description('Could not be judged: the monitor is the reason, and not the target'),
    )
    .withPanel(
      numbers(
        'Newest verdict is valid for',
        's',
        [{ value: null, color: colours.bad }, from(0, colours.good)],
        {
          expression: `max(last_over_time(probe_valid_until_timestamp_seconds{${chosen}}[${lookback}])) - time()`,
        },
      ).description('Below zero, nobody knows whether anything is up'),
    )
    .withPanel(
      table('Now', { expression: regionState(lookback, chosen) })
        .description('A region that has not told anything that still holds shows as no data')
        .withTransformation({
          id: 'groupingToMatrix',
          options: {
            rowField: 'instance',
            columnField: 'region',
            valueField: 'Value',
            emptyValue: 'null',
          },
        })
        .mappings(verdictMappings)
        .thresholds(thresholds([{ value: null, color: colours.none }]))
        .overrideByRegexp('(?!instance).*', [colouredCells]),
    )
    .withPanel(
      timeline('Over time', {
        expression: regionState(lookback, chosen),
        legend: '{{instance}} {{check}} {{region}}',
      }).height(14),
    )
    .withPanel(
      table('Why not up', {
        expression: `max by (job, instance, check, region, error_type) (probe_error{${chosen}})`,
      }).description('Empty while everything is up'),
    )
    .build();
}
