import type { Incident } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'an agent is cut off for ten minutes, its results come late',
  minutes: 60,
  changes: [
    { from: 10, to: 20, regions: ['ap-south'], set: { silent: true } },
    {
      from: 20,
      to: 50,
      regions: ['ap-south'],
      set: (minute) => ({ outboxAgeSeconds: 600 - (minute - 20) * 20 }),
    },
  ],
  firing: [
    { alert: 'AgentSilent', from: 14, to: 20, labels: { agent: 'ap-south' } },
    {
      alert: 'AgentBacklog',
      from: 25,
      to: 35,
      labels: { agent: 'ap-south', region: 'ap-south' },
      says: {
        at: 26,
        text: 'Agent ap-south in ap-south has results that wait since 8m 0s for the collector',
      },
    },
  ],
};
