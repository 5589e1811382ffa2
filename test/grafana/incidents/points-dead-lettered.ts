import type { Incident } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'the backend refuses points for good',
  minutes: 50,
  changes: [{ from: 10, to: 10.5, set: { deadLetteredPoints: 2 } }],
  firing: [
    {
      alert: 'PointsRejected',
      from: 10,
      to: 25,
      labels: { collector: 'main' },
      says: { at: 11, text: 'Collector main refused or dead-lettered 2 points over 15 minutes' },
    },
  ],
};
