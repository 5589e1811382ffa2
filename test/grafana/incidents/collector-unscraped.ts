import type { Incident } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'results arrive, but the metrics of the collector cannot be read',
  minutes: 30,
  changes: [{ from: 10, to: 20, set: { collectorSilent: true } }],
  firing: [{ alert: 'CollectorSilent', from: 14, to: 20, labels: { collector: 'main' } }],
};
