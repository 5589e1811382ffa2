import { type Incident, target } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'three of the few requests of a quiet log fail',
  minutes: 50,
  type: 'log',
  changes: [
    { from: 0, set: { requestsPerRun: 0.5 } },
    { from: 20, to: 21.5, set: { requestsPerRun: 1, errorsPerRun: 1 } },
  ],
  firing: [{ alert: 'LogErrors', from: 26, to: 35, labels: { ...target, type: 'log' } }],
};
