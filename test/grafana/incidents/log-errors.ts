import { type Incident, target } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'one request in ten is answered with 500',
  minutes: 60,
  type: 'log',
  changes: [{ from: 20, to: 40, set: { errorsPerRun: 30 } }],
  firing: [
    {
      alert: 'LogErrors',
      from: 33,
      to: 47,
      labels: { ...target, type: 'log' },
      says: {
        at: 34,
        text: '9.667% of the requests in https://shop.example.org/ (home) were answered with 5xx over 15 minutes',
      },
    },
  ],
};
