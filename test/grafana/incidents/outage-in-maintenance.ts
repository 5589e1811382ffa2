import { type Incident, target } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'an outage that was announced',
  minutes: 60,
  changes: [
    { from: 10, to: 40, set: { maintenance: true } },
    { from: 15, to: 30, set: { verdict: 'down', error: 'http_status' } },
  ],
  firing: [
    {
      alert: 'TargetDown',
      from: 16,
      to: 30,
      labels: { ...target },
      says: {
        at: 17,
        text: 'https://shop.example.org/ (home) is down in ap-south, eu-west, us-east: http_status; last up at 1970-01-01 00:14:30 +0000 UTC',
      },
    },
  ],
};
