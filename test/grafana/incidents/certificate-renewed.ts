import { type Incident, target } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'a certificate is renewed with a day left',
  minutes: 40,
  changes: [{ from: 0, to: 20, set: { certificateDays: 1 } }],
  firing: [
    { alert: 'CertificateExpiresSoon', from: 10, to: 20, labels: { ...target } },
    { alert: 'CertificateExpiring', from: 10, to: 20, labels: { ...target } },
  ],
};
