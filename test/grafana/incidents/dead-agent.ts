import type { Incident } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'one agent dies, the target is fine',
  minutes: 30,
  changes: [{ from: 10, to: 20, regions: ['us-east'], set: { silent: true } }],
  firing: [{ alert: 'AgentSilent', from: 14, to: 20, labels: { agent: 'us-east' } }],
};
