import type { Incident } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'a certificate with 31 days left',
  minutes: 30,
  changes: [{ from: 0, set: { certificateDays: 31 } }],
  firing: [],
};
