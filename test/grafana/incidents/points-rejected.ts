import type { Incident } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'points of an agent can never be accepted',
  minutes: 50,
  changes: [{ from: 10, to: 10.5, set: { rejectedPoints: 2 } }],
  firing: [{ alert: 'PointsRejected', from: 10, to: 25, labels: { collector: 'main' } }],
};
