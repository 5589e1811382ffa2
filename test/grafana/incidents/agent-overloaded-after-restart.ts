import type { Incident } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'an agent books hours of runs when it is back, and has too much to do',
  minutes: 50,
  changes: [
    { from: 10, to: 10.5, regions: ['eu-west'], set: { stoppedRuns: 400 } },
    { from: 10, regions: ['eu-west'], set: { skipsPerRun: 0.25 } },
  ],
  firing: [{ alert: 'AgentSkipsRuns', from: 21, labels: { agent: 'eu-west', region: 'eu-west' } }],
};
