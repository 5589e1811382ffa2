import { type Incident, target } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'the target is down every other two minutes',
  minutes: 50,
  changes: [
    {
      from: 10,
      to: 30,
      set: (minute) => ({
        verdict: minute % 4 < 2 ? 'down' : 'up',
        error: minute % 4 < 2 ? 'header_timeout' : '',
      }),
    },
  ],
  firing: [
    { alert: 'TargetDown', from: 13, to: 14, labels: { ...target } },
    { alert: 'TargetDown', from: 17, to: 18, labels: { ...target } },
    { alert: 'SloBurnFast', from: 20, to: 35, labels: { ...target } },
    { alert: 'TargetDown', from: 21, to: 22, labels: { ...target } },
    { alert: 'TargetDown', from: 25, to: 26, labels: { ...target } },
    { alert: 'TargetDown', from: 29, to: 30, labels: { ...target } },
  ],
};
