import type { Incident } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'the clock of an agent is six seconds ahead',
  minutes: 30,
  changes: [{ from: 10, to: 20, regions: ['eu-west'], set: { clockOffsetSeconds: 6 } }],
  firing: [
    {
      alert: 'AgentClockWrong',
      from: 15,
      to: 20,
      labels: { agent: 'eu-west' },
      says: { at: 16, text: 'The clock of agent eu-west is off by 6s' },
    },
  ],
};
