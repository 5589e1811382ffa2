import { type Incident, target } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'all agents become unable to tell while the target is down',
  minutes: 60,
  changes: [
    { from: 10, to: 15, set: { verdict: 'down', error: 'connect_refused' } },
    { from: 15, to: 35, set: { verdict: 'unknown', error: 'agent_overloaded' } },
  ],
  firing: [
    { alert: 'TargetDown', from: 11, to: 35, labels: { ...target } },
    { alert: 'SloBurnFast', from: 14, to: 20, labels: { ...target } },
    {
      alert: 'AgentCannotTell',
      from: 20,
      to: 35,
      labels: { agent: 'ap-south', region: 'ap-south' },
    },
    { alert: 'AgentCannotTell', from: 20, to: 35, labels: { agent: 'eu-west', region: 'eu-west' } },
    { alert: 'AgentCannotTell', from: 20, to: 35, labels: { agent: 'us-east', region: 'us-east' } },
    {
      alert: 'TargetUnknown',
      from: 25,
      to: 35,
      labels: { ...target },
      says: {
        at: 26,
        text: 'No region can tell whether https://shop.example.org/ (home) is up; last up at 1970-01-01 00:09:00 +0000 UTC',
      },
    },
  ],
};
