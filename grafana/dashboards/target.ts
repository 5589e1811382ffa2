import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import {
  byRegion,
  chosen,
  dashboard,
  graph,
  type PanelQuery,
  type Section,
  stacked,
  table,
  timeline,
  withSections,
  withTargetVariables,
} from '../panels.ts';
import type { Settings } from '../settings.ts';
import { regionState } from '../verdicts.ts';

/** One target, region by region. */
export function target({ lookback }: Settings): Dashboard {
  const builder = withTargetVariables(
    dashboard('farpoint-target', 'Farpoint: target', 'One target, region by region'),
  )
    .withPanel(
      timeline('Verdicts', {
        expression: regionState(lookback, chosen),
        legend: '{{check}} {{region}}',
      }).height(6),
    )
    .withPanel(
      timeline('Why not up', {
        expression: `max by (check, region, error_type) (probe_error{${chosen}}) * 2`,
        legend: '{{check}} {{region}} {{error_type}}',
      }).height(6),
    )
    .withPanel(graph('Duration', 's', byRegion('probe_duration_seconds')))
    .withPanel(graph('Status code', 'none', byRegion('probe_http_status_code')));
  return withSections(builder, phases, ping, download, certificate, log).build();
}

const phases: Section = {
  title: 'Phases',
  panels: [
    stacked('HTTP', 's', phasesOf('probe_http_duration_seconds')).description(
      'Choose one check, and one region in the legend, to see how its phases add up',
    ),
    stacked('Ping', 's', phasesOf('probe_icmp_duration_seconds')),
  ],
};

const ping: Section = {
  title: 'Ping',
  panels: [
    graph('Loss', 'percentunit', byRegion('probe_icmp_loss_ratio')).max(1),
    graph(
      'Round trips',
      's',
      byRegion('probe_icmp_duration_rtt_median_seconds', '{{region}} median'),
      byRegion('probe_icmp_duration_rtt_max_seconds', '{{region}} longest'),
      byRegion('probe_icmp_jitter_seconds', '{{region}} jitter'),
    ),
  ],
};

const download: Section = {
  title: 'Download and values',
  panels: [
    graph('Throughput', 'Bps', byRegion('probe_http_throughput_bytes_per_second')),
    graph('Size', 'bytes', byRegion('probe_http_body_size_bytes')),
    graph('Longest stall', 's', byRegion('probe_http_stall_seconds')),
    graph(
      'Values',
      'short',
      {
        expression: `max by (check, region, name, unit) (probe_value{${chosen}})`,
        legend: '{{name}} {{region}} {{unit}}',
      },
      {
        expression: `max by (check, name, bound) (probe_value_bound{${chosen}})`,
        legend: '{{name}} {{bound}}',
      },
    ).description('Numbers read from the answer, and the bounds they are to keep to'),
  ],
};

const certificate: Section = {
  title: 'Certificate',
  panels: [
    table('Days left', {
      expression: `(min by (instance, check, region) (probe_ssl_earliest_cert_expiry{${chosen}}) - time()) / 86400`,
    })
      .height(5)
      .unit('d'),
  ],
};

const log: Section = {
  title: 'Log',
  panels: [
    stacked('Requests', 'reqps', {
      expression: rate('log_requests_total', 'status_class'),
      legend: '{{status_class}}',
    }),
    graph('Share of 5xx', 'percentunit', {
      expression: `${rate('log_requests_total', 'instance, route', ', status_class="5xx"')} / ${rate('log_requests_total', 'instance, route')}`,
      legend: '{{route}}',
    }),
    graph(
      'Request duration, as logged',
      's',
      { expression: quantile(0.5, 'log_request_duration_seconds'), legend: '{{route}} median' },
      { expression: quantile(0.95, 'log_request_duration_seconds'), legend: '{{route}} 95 %' },
    ),
    stacked('Lines', 'short', {
      expression: rate('log_lines_total', 'outcome'),
      legend: '{{outcome}}',
    }),
    graph(
      'Quiet and lag',
      's',
      byRegion('log_quiet_seconds', 'without a line'),
      byRegion('log_lag_seconds', 'age of the newest line'),
    ),
    graph('Not read', 'bytes', byRegion('log_backlog_bytes', 'waiting'), {
      expression: `sum by (instance) (increase(log_lost_bytes_total{${chosen}}[$__rate_interval]))`,
      legend: 'lost',
    }),
  ],
};

function phasesOf(metric: string): PanelQuery {
  return {
    expression: `sum by (region, phase) (${metric}{${chosen}})`,
    legend: '{{region}} {{phase}}',
  };
}

function rate(metric: string, by: string, more = ''): string {
  return `sum by (${by}) (rate(${metric}{${chosen}${more}}[$__rate_interval]))`;
}

function quantile(share: number, metric: string): string {
  return `histogram_quantile(${share}, ${rate(`${metric}_bucket`, 'le, route')})`;
}
