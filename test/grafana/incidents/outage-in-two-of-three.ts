import { type Incident, target } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'two regions of three see the target down',
  minutes: 40,
  changes: [
    {
      from: 10,
      to: 14,
      regions: ['eu-west', 'us-east'],
      set: { verdict: 'down', error: 'http_status' },
    },
  ],
  firing: [
    {
      alert: 'TargetDown',
      from: 11,
      to: 14,
      labels: { ...target },
      says: {
        at: 12,
        text: 'https://shop.example.org/ (home) is down in eu-west, us-east: http_status; last up at 1970-01-01 00:09:30 +0000 UTC',
      },
    },
  ],
};
