import { type Incident, target } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'a log is truncated before it was read',
  minutes: 100,
  type: 'log',
  changes: [{ from: 20, to: 20.5, set: { lostBytes: 4 } }],
  firing: [
    {
      alert: 'LogDataLost',
      from: 20,
      to: 80,
      labels: { ...target, type: 'log' },
      says: {
        at: 21,
        text: '4B of https://shop.example.org/ (home) were destroyed within the hour before they were read',
      },
    },
  ],
};
