import { type Incident, target } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title:
    'all agents die while the target is down, and nobody comes: the last verdict is held for an hour',
  minutes: 100,
  changes: [
    { from: 10, set: { verdict: 'down', error: 'connect_refused' } },
    { from: 15, set: { silent: true } },
  ],
  firing: [
    { alert: 'TargetDown', from: 11, to: 77, labels: { ...target } },
    { alert: 'SloBurnFast', from: 14, to: 22, labels: { ...target } },
    { alert: 'AgentSilent', from: 19, labels: { agent: 'ap-south' } },
    { alert: 'AgentSilent', from: 19, labels: { agent: 'eu-west' } },
    { alert: 'AgentSilent', from: 19, labels: { agent: 'us-east' } },
    { alert: 'PipelineStale', from: 20, labels: {} },
  ],
};
