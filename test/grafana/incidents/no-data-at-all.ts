import type { Incident } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'the backend has never got anything',
  minutes: 15,
  changes: [{ from: 0, set: { collectorSilent: true, silent: true } }],
  firing: [
    { alert: 'PipelineStale', from: 4, labels: {} },
    { alert: 'CollectorSilent', from: 5, labels: {} },
  ],
};
