import { type Incident, target } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'one region cannot reach the target, the others can',
  minutes: 30,
  changes: [
    { from: 10, to: 20, regions: ['ap-south'], set: { verdict: 'down', error: 'connect_timeout' } },
  ],
  firing: [
    {
      alert: 'RegionalOutage',
      from: 12,
      to: 20,
      labels: { ...target, region: 'ap-south' },
      says: {
        at: 13,
        text: 'https://shop.example.org/ (home) is down in ap-south only: connect_timeout; last up at 1970-01-01 00:09:30 +0000 UTC',
      },
    },
  ],
};
