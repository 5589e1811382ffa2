import { quiet, type RuleGroup, watchful } from '../rule.ts';
import type { Settings } from '../settings.ts';

const dashboard = { uid: 'farpoint-pipeline', variables: [] };

/** Whether results reach the backend, all of them and in time. */
export function pipeline({ lookback }: Settings): RuleGroup {
  const newest = `max(last_over_time(probe_valid_until_timestamp_seconds[${lookback}]))`;
  // The subquery looks at whole minutes only, so that the first minute needs a look at now.
  const scraped =
    'max by (collector) (timestamp(farpoint_build_info)) or max by (collector) (max_over_time(timestamp(farpoint_build_info)[6h:1m]))';
  return {
    name: 'farpoint-pipeline',
    intervalSeconds: 30,
    recordings: [],
    alerts: [
      {
        name: 'PipelineStale',
        expression: `time() - (${newest} or vector(0))`,
        fires: { above: 120 },
        for: '1m',
        severity: 'critical',
        summary: ({ value }) =>
          `No verdict in the backend is valid any more, since ${value('duration')}: nobody knows whether anything is up`,
        dashboard,
        states: watchful,
      },
      {
        name: 'CollectorSilent',
        expression: `time() - (${scraped} or on () vector(0))`,
        fires: { above: 180 },
        for: '1m',
        severity: 'critical',
        summary: ({ label, value }) =>
          `The metrics of collector ${label('collector')} could not be read for ${value('duration')}`,
        dashboard,
        states: watchful,
      },
      {
        name: 'QueueBacklog',
        expression: 'max by (collector, sink) (farpoint_queue_age_seconds)',
        fires: { above: 300 },
        for: '5m',
        severity: 'warning',
        summary: ({ label, value }) =>
          `Results wait since ${value('duration')} in collector ${label('collector')} for sink ${label('sink')}`,
        dashboard,
        states: quiet,
      },
      {
        name: 'PointsRejected',
        expression:
          'sum by (collector) (increase(farpoint_items_rejected_total[15m])) + sum by (collector) (increase(farpoint_sink_dead_lettered_points_total[15m]))',
        fires: { above: 0 },
        for: '0s',
        severity: 'warning',
        summary: ({ label, value }) =>
          `Collector ${label('collector')} refused or dead-lettered ${value('number')} points over 15 minutes`,
        dashboard,
        states: quiet,
      },
      {
        name: 'ResultsDropped',
        expression: 'sum by (collector, sink) (increase(farpoint_queue_dropped_blocks_total[1h]))',
        fires: { above: 0 },
        for: '0s',
        severity: 'critical',
        summary: ({ label, value }) =>
          `Collector ${label('collector')} gave up ${value('number')} requests within the hour: too much waited for sink ${label('sink')}`,
        dashboard,
        states: quiet,
      },
    ],
  };
}
