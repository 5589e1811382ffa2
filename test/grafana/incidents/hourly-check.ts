import { type Incident, target } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'a check that runs every hour sees an outage',
  minutes: 250,
  everySteps: 120,
  lookEvery: 5,
  changes: [{ from: 90, to: 150, set: { verdict: 'down', error: 'checksum_mismatch' } }],
  firing: [
    { alert: 'SloBurnFast', from: 125, to: 185, labels: { ...target } },
    { alert: 'TargetDown', from: 125, to: 180, labels: { ...target } },
    { alert: 'SloBurnSteady', from: 130, to: 210, labels: { ...target } },
    {
      alert: 'SloBurnSlow',
      from: 145,
      labels: { ...target },
      says: {
        at: 150,
        text: 'https://shop.example.org/ (home) uses up its error budget 4.306 times as fast as it may, over 24h and 2h',
      },
    },
  ],
};
