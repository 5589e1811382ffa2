import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
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

/** When certificates expire, the first ones first. */
export function certificates(): Dashboard {
  const days = (metric: string): string =>
    `sort(min by (job, instance, check) (${metric}{${chosen}}) - time()) / 86400`;
  return withTargetVariables(
    dashboard('farpoint-certificates', 'Farpoint: certificates', 'When certificates expire'),
  )
    .withPanel(
      table(
        'Days left',
        { expression: days('probe_ssl_earliest_cert_expiry') },
        { expression: days('probe_ssl_leaf_cert_expiry') },
      )
        .withTransformation({
          id: 'organize',
          options: {
            renameByName: { 'Value #A': 'First of the chain', 'Value #B': "Server's own" },
            excludeByName: { Time: true },
          },
        })
        .unit('d')
        .decimals(1)
        .overrideByName('First of the chain', [
          colouredCells,
          {
            id: 'thresholds',
            value: thresholds([
              { value: null, color: colours.bad },
              { value: 3, color: colours.warning },
              { value: 30, color: colours.good },
            ]).build(),
          },
        ])
        .height(14),
    )
    .withPanel(
      table('TLS', {
        expression: `max by (instance, check, region, version) (probe_tls_version_info{${chosen}})`,
      }),
    )
    .withPanel(
      graph('Days left', 'd', {
        expression: days('probe_ssl_earliest_cert_expiry'),
        legend: '{{instance}} {{check}}',
      }).span(24),
    )
    .build();
}
