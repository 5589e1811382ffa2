import { type Incident, target } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'of two regions one sees the target down',
  minutes: 30,
  regions: ['eu-west', 'us-east'],
  changes: [
    { from: 10, to: 20, regions: ['eu-west'], set: { verdict: 'down', error: 'connect_refused' } },
  ],
  firing: [{ alert: 'RegionalOutage', from: 12, to: 20, labels: { ...target, region: 'eu-west' } }],
};
