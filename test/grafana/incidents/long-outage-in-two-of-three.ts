import { type Incident, target } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'two regions of three see the target down for long: minutes without a quorum are lost',
  minutes: 40,
  changes: [
    {
      from: 10,
      to: 17,
      regions: ['eu-west', 'us-east'],
      set: { verdict: 'down', error: 'http_status' },
    },
  ],
  firing: [
    { alert: 'TargetDown', from: 11, to: 17, labels: { ...target } },
    { alert: 'SloBurnFast', from: 14, to: 22, labels: { ...target } },
  ],
};
