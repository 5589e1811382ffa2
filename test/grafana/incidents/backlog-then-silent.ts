import type { Incident } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'an agent with a backlog falls silent: how long its results wait is no longer known',
  minutes: 30,
  changes: [
    { from: 5, to: 15, regions: ['eu-west'], set: { outboxAgeSeconds: 400 } },
    { from: 15, regions: ['eu-west'], set: { silent: true } },
  ],
  firing: [
    { alert: 'AgentBacklog', from: 10, to: 18, labels: { agent: 'eu-west', region: 'eu-west' } },
    { alert: 'AgentSilent', from: 19, labels: { agent: 'eu-west' } },
  ],
};
