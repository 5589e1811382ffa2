import { type Incident, target } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'all agents die while the target is down',
  minutes: 60,
  changes: [
    { from: 10, to: 30, set: { verdict: 'down', error: 'connect_refused' } },
    { from: 15, to: 30, set: { silent: true } },
  ],
  firing: [
    { alert: 'TargetDown', from: 11, to: 30, labels: { ...target } },
    { alert: 'SloBurnFast', from: 14, to: 22, labels: { ...target } },
    { alert: 'AgentSilent', from: 19, to: 30, labels: { agent: 'ap-south' } },
    { alert: 'AgentSilent', from: 19, to: 30, labels: { agent: 'eu-west' } },
    { alert: 'AgentSilent', from: 19, to: 30, labels: { agent: 'us-east' } },
    {
      alert: 'PipelineStale',
      from: 20,
      to: 30,
      labels: {},
      says: {
        at: 21,
        text: 'No verdict in the backend is valid any more, since 4m 50s: nobody knows whether anything is up',
      },
    },
  ],
};
