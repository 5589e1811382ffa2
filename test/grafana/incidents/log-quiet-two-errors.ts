import type { Incident } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'two of the few requests of a quiet log fail, which is chance',
  minutes: 50,
  type: 'log',
  changes: [
    { from: 0, set: { requestsPerRun: 0.5 } },
    { from: 20, to: 21, set: { requestsPerRun: 1, errorsPerRun: 1 } },
  ],
  firing: [],
};
