import type { Incident } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'answers take half as long again, which is not worth a word',
  minutes: 150,
  lookEvery: 10,
  changes: [{ from: 100, set: { durationSeconds: 0.3 } }],
  firing: [],
};
