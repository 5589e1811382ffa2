import { type Incident, target } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'an outage that every region sees',
  minutes: 50,
  changes: [{ from: 10, to: 20, set: { verdict: 'down', error: 'connect_refused' } }],
  firing: [
    { alert: 'TargetDown', from: 11, to: 20, labels: { ...target } },
    { alert: 'SloBurnFast', from: 14, to: 25, labels: { ...target } },
  ],
};
