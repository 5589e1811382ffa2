import type { Incident } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'the network of one agent is down, and it says so',
  minutes: 40,
  changes: [
    {
      from: 10,
      to: 25,
      regions: ['us-east'],
      set: { verdict: 'unknown', error: 'agent_no_network' },
    },
  ],
  firing: [
    {
      alert: 'AgentCannotTell',
      from: 15,
      to: 25,
      labels: { agent: 'us-east', region: 'us-east' },
      says: {
        at: 16,
        text: 'Agent us-east in us-east cannot tell for 100% of its targets whether they are up',
      },
    },
  ],
};
