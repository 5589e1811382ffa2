import type { Incident } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'the collector restarts within a minute',
  minutes: 30,
  changes: [{ from: 10, to: 11, set: { collectorSilent: true, silent: true } }],
  firing: [],
};
