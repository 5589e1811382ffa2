import { type Incident, target } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'a target times out for an hour, then is as fast as before',
  minutes: 290,
  changes: [
    { from: 100, to: 160, set: { verdict: 'down', error: 'header_timeout', durationSeconds: 10 } },
  ],
  firing: [
    { alert: 'TargetDown', from: 101, to: 160, labels: { ...target } },
    { alert: 'SloBurnFast', from: 104, to: 165, labels: { ...target } },
    { alert: 'SloBurnSteady', from: 110, to: 190, labels: { ...target } },
    { alert: 'SloBurnSlow', from: 121, to: 279, labels: { ...target } },
  ],
};
