import { type Incident, target } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'answers take longer and longer in one region',
  minutes: 260,
  changes: [
    {
      from: 100,
      to: 220,
      regions: ['eu-west'],
      set: (minute) => ({ durationSeconds: 0.2 + (minute - 100) * 0.01 }),
    },
  ],
  firing: [
    {
      alert: 'LatencyDegraded',
      from: 145,
      to: 235,
      labels: { ...target, region: 'eu-west' },
      says: {
        at: 146,
        text: 'https://shop.example.org/ (home) takes 2.55 times as long in eu-west as over the past day',
      },
    },
  ],
};
