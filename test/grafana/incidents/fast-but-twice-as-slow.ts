import type { Incident } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'a fast target becomes twice as slow, which nobody feels',
  minutes: 150,
  lookEvery: 10,
  changes: [
    { from: 0, to: 100, set: { durationSeconds: 0.02 } },
    { from: 100, set: { durationSeconds: 0.05 } },
  ],
  firing: [],
};
