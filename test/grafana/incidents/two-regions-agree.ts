import { type Incident, target } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'both regions see the target down',
  minutes: 30,
  regions: ['eu-west', 'us-east'],
  changes: [{ from: 10, to: 14, set: { verdict: 'down', error: 'connect_refused' } }],
  firing: [{ alert: 'TargetDown', from: 11, to: 14, labels: { ...target } }],
};
