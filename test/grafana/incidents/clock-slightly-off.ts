import type { Incident } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'the clock of an agent is four seconds behind',
  minutes: 30,
  changes: [{ from: 10, to: 20, regions: ['eu-west'], set: { clockOffsetSeconds: -4 } }],
  firing: [],
};
