import { type Incident, target } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'a certificate with 4 days left',
  minutes: 30,
  changes: [{ from: 0, set: { certificateDays: 4 } }],
  firing: [{ alert: 'CertificateExpiring', from: 10, labels: { ...target } }],
};
