import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import {
  colours,
  dashboard,
  graph,
  numbers,
  type PanelQuery,
  type Section,
  withSections,
} from '../panels.ts';
import type { Settings } from '../settings.ts';
import { fresh } from '../verdicts.ts';

/** What Farpoint says of itself: from the agents' outboxes to the backend. */
export function agentsAndPipeline({ lookback }: Settings): Dashboard {
  const builder = dashboard(
    'farpoint-pipeline',
    'Farpoint: agents and pipeline',
    'The monitor, monitored',
  ).withPanel(
    numbers('Since agents were heard of', 's', late, {
      expression: 'time() - max by (agent) (farpoint_agent_last_seen_timestamp_seconds)',
      legend: '{{agent}}',
    }).span(24),
  );
  return withSections(builder, agents(lookback), collector()).build();
}

const late = [
  { value: null, color: colours.good },
  { value: 60, color: colours.warning },
  { value: 180, color: colours.bad },
];

function agents(lookback: string): Section {
  return {
    title: 'Agents',
    panels: [
      graph('Share of targets that cannot be judged', 'percentunit', {
        expression: `avg by (region, agent) (${fresh('unknown', lookback)})`,
        legend: '{{region}} {{agent}}',
      }).max(1),
      graph(
        'Runs',
        'ops',
        rate('farpoint_runs_completed_total', ['agent'], 'completed'),
        rate('farpoint_runs_late_total', ['agent'], 'late'),
        rate(
          'farpoint_runs_skipped_total{reason!="agent_stopped"}',
          ['agent', 'reason'],
          'skipped',
        ),
      ),
      graph(
        'Runs that were due while no agent was there, when it is back',
        'short',
        increase('farpoint_runs_skipped_total{reason="agent_stopped"}', ['agent']),
      ),
      graph('Outbox age', 's', perAgent('farpoint_agent_outbox_age_seconds')),
      graph('Outbox size', 'bytes', perAgent('farpoint_agent_outbox_size_bytes')),
      graph(
        'Results given up',
        'short',
        increase('farpoint_agent_outbox_dropped_total', ['agent'], 'outbox'),
        increase('farpoint_agent_results_dropped_total', ['agent'], 'disk'),
        increase('farpoint_agent_export_quarantined_total', ['agent'], 'quarantined'),
      ),
      graph('Clock offset', 's', {
        expression: 'max by (agent) (farpoint_agent_clock_offset_seconds)',
        legend: '{{agent}}',
      }),
      graph(
        'Event loop standing still',
        'percentunit',
        rate('farpoint_agent_loop_blocked_seconds_total', ['agent']),
      ),
      graph('Memory', 'bytes', perAgent('farpoint_agent_memory_resident_bytes')),
    ],
  };
}

function collector(): Section {
  const sink = ['collector', 'sink'];
  return {
    title: 'Collector',
    panels: [
      graph(
        'Items',
        'ops',
        rate('farpoint_items_accepted_total', ['collector', 'signal'], 'accepted'),
        rate('farpoint_items_rejected_total', ['collector', 'reason'], 'rejected'),
      ),
      graph('Requests', 'reqps', rate('farpoint_requests_total', ['collector', 'code'])),
      graph('Age of the queue', 's', perSink('farpoint_queue_age_seconds')),
      graph('Size of the queue', 'bytes', perSink('farpoint_queue_bytes')),
      graph('Delivered', 'ops', rate('farpoint_sink_delivered_points_total', sink)),
      graph('Failing since', 's', perSink('farpoint_sink_failing_seconds')),
      graph(
        'Lost or set aside',
        'short',
        increase('farpoint_sink_dead_lettered_points_total', sink, 'dead-lettered'),
        increase('farpoint_queue_dropped_blocks_total', sink, 'dropped'),
      ),
      graph('Event loop delay', 's', {
        expression: 'max by (collector, quantile) (farpoint_event_loop_delay_seconds)',
        legend: '{{collector}} {{quantile}}',
      }),
    ],
  };
}

function perAgent(metric: string): PanelQuery {
  return { expression: `max by (region, agent) (${metric})`, legend: '{{region}} {{agent}}' };
}

function perSink(metric: string): PanelQuery {
  return { expression: `max by (collector, sink) (${metric})`, legend: '{{collector}} {{sink}}' };
}

function rate(metric: string, by: readonly string[], what = ''): PanelQuery {
  return over(`rate(${metric}[$__rate_interval])`, by, what);
}

function increase(metric: string, by: readonly string[], what = ''): PanelQuery {
  return over(`increase(${metric}[$__rate_interval])`, by, what);
}

function over(change: string, by: readonly string[], what: string): PanelQuery {
  const names = by.map((label) => `{{${label}}}`).join(' ');
  return { expression: `sum by (${by.join(', ')}) (${change})`, legend: `${names} ${what}`.trim() };
}
