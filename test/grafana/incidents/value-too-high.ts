import { type Incident, target } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'a value read from the answer is above its bound, in one region',
  minutes: 30,
  changes: [{ from: 10, to: 20, regions: ['us-east'], set: { value: 11 } }],
  firing: [
    {
      alert: 'ValueOutOfBounds',
      from: 12,
      to: 20,
      labels: { ...target, bound: 'max', name: 'waiting', unit: '{job}' },
      says: { at: 13, text: 'waiting of https://shop.example.org/ (home) is beyond its max' },
    },
  ],
};
