import { type Incident, target } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'two agents of three die while the target is down',
  minutes: 50,
  changes: [
    { from: 10, to: 30, set: { verdict: 'down', error: 'connect_refused' } },
    { from: 15, to: 40, regions: ['us-east', 'ap-south'], set: { silent: true } },
  ],
  firing: [
    { alert: 'TargetDown', from: 11, to: 30, labels: { ...target } },
    { alert: 'SloBurnFast', from: 14, to: 35, labels: { ...target } },
    { alert: 'AgentSilent', from: 19, to: 40, labels: { agent: 'ap-south' } },
    { alert: 'AgentSilent', from: 19, to: 40, labels: { agent: 'us-east' } },
    { alert: 'SloBurnSteady', from: 20, labels: { ...target } },
  ],
};
