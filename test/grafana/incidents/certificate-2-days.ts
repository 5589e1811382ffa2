import { type Incident, target } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'a certificate with 2 days left',
  minutes: 30,
  changes: [{ from: 0, set: { certificateDays: 2.5 } }],
  firing: [
    {
      alert: 'CertificateExpiresSoon',
      from: 10,
      labels: { ...target },
      says: {
        at: 11,
        text: 'The certificate of https://shop.example.org/ (home) expires in 2.492 days',
      },
    },
    {
      alert: 'CertificateExpiring',
      from: 10,
      labels: { ...target },
      says: {
        at: 11,
        text: 'The certificate of https://shop.example.org/ (home) expires in 2.492 days',
      },
    },
  ],
};
