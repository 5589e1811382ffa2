import type { Incident } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'an agent skips one run in four',
  minutes: 60,
  changes: [{ from: 10, to: 30, regions: ['eu-west'], set: { skipsPerRun: 0.25 } }],
  firing: [
    {
      alert: 'AgentSkipsRuns',
      from: 21,
      to: 39,
      labels: { agent: 'eu-west', region: 'eu-west' },
      says: { at: 22, text: 'Agent eu-west in eu-west skipped 20.83% of its runs over 15 minutes' },
    },
  ],
};
