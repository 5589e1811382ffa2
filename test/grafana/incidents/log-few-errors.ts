import type { Incident } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'one request in fifty is answered with 500',
  minutes: 60,
  type: 'log',
  changes: [{ from: 20, to: 40, set: { errorsPerRun: 6 } }],
  firing: [],
};
