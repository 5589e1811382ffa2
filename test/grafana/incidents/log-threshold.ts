import { type Incident, target } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'a log has more errors than its check expects',
  minutes: 40,
  type: 'log',
  changes: [{ from: 20, to: 25, set: { verdict: 'down', error: 'log_threshold' } }],
  firing: [
    { alert: 'TargetDown', from: 21, to: 25, labels: { ...target, type: 'log' } },
    { alert: 'SloBurnFast', from: 24, to: 30, labels: { ...target, type: 'log' } },
  ],
};
