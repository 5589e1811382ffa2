import { type Incident, target } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'a target is taken out of the configuration while it is down',
  minutes: 40,
  others: 1,
  changes: [
    { from: 10, to: 15, set: { verdict: 'down', error: 'connect_refused' } },
    { from: 15, set: { removed: true } },
  ],
  firing: [
    { alert: 'TargetDown', from: 11, to: 17, labels: { ...target } },
    { alert: 'SloBurnFast', from: 14, to: 22, labels: { ...target } },
  ],
};
