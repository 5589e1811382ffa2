import type { Incident } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'the collector dies and is brought back',
  minutes: 50,
  changes: [{ from: 10, to: 20, set: { collectorSilent: true, silent: true } }],
  firing: [
    {
      alert: 'CollectorSilent',
      from: 14,
      to: 20,
      labels: { collector: 'main' },
      says: { at: 15, text: 'The metrics of collector main could not be read for 6m 0s' },
    },
    { alert: 'PipelineStale', from: 15, to: 20, labels: {} },
  ],
};
