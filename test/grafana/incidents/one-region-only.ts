import { type Incident, target } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'a target that one region looks at is down',
  minutes: 30,
  regions: ['eu-west'],
  changes: [{ from: 10, to: 14, set: { verdict: 'down', error: 'icmp_loss' } }],
  firing: [{ alert: 'TargetDown', from: 11, to: 14, labels: { ...target } }],
};
