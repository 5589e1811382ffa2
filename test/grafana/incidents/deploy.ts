import type { Incident } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'the target restarts for half a minute, the agents for a minute',
  minutes: 30,
  changes: [
    { from: 10, to: 10.5, set: { verdict: 'down', error: 'connect_refused' } },
    { from: 15, to: 16, set: { silent: true } },
  ],
  firing: [],
};
