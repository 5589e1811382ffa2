import { type Incident, target } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'a value read from the answer is below its bound everywhere, and so the target is down',
  minutes: 30,
  changes: [{ from: 10, to: 14, set: { value: 0, verdict: 'down', error: 'value_threshold' } }],
  firing: [
    { alert: 'TargetDown', from: 11, to: 14, labels: { ...target } },
    {
      alert: 'ValueOutOfBounds',
      from: 12,
      to: 14,
      labels: { ...target, bound: 'min', name: 'waiting', unit: '{job}' },
    },
  ],
};
