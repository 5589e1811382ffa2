import type { Incident } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'an agent is away for two minutes, and books what was due meanwhile',
  minutes: 40,
  changes: [
    { from: 15, to: 17, regions: ['eu-west'], set: { silent: true } },
    { from: 17, to: 17.5, regions: ['eu-west'], set: { stoppedRuns: 400 } },
  ],
  firing: [],
};
