import type { Incident } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'a single run fails everywhere',
  minutes: 25,
  changes: [{ from: 10, to: 10.5, set: { verdict: 'down', error: 'connect_refused' } }],
  firing: [],
};
