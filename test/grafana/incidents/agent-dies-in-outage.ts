import { type Incident, target } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'an agent dies while the target is down, and stays away',
  minutes: 40,
  changes: [
    { from: 10, to: 25, set: { verdict: 'down', error: 'connect_refused' } },
    { from: 12, regions: ['eu-west'], set: { silent: true } },
  ],
  firing: [
    {
      alert: 'TargetDown',
      from: 11,
      to: 25,
      labels: { ...target },
      says: {
        at: 12,
        text: 'https://shop.example.org/ (home) is down in ap-south, eu-west, us-east: connect_refused; last up at 1970-01-01 00:09:30 +0000 UTC',
      },
    },
    {
      alert: 'SloBurnFast',
      from: 14,
      to: 30,
      labels: { ...target },
      says: {
        at: 15,
        text: 'https://shop.example.org/ (home) uses up its error budget 20 times as fast as it may, over 1h and 5m',
      },
    },
    {
      alert: 'AgentSilent',
      from: 16,
      labels: { agent: 'eu-west' },
      says: { at: 17, text: 'Agent eu-west has not been heard of for 5m 30s' },
    },
    {
      alert: 'SloBurnSteady',
      from: 20,
      labels: { ...target },
      says: {
        at: 21,
        text: 'https://shop.example.org/ (home) uses up its error budget 6.667 times as fast as it may, over 6h and 30m',
      },
    },
  ],
};
