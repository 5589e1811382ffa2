import { type Incident, target } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'a minute in ten is lost for hours',
  minutes: 270,
  lookEvery: 5,
  changes: [
    {
      from: 60,
      to: 240,
      set: (minute) => ({
        verdict: minute % 20 < 2 ? 'down' : 'up',
        error: minute % 20 < 2 ? 'http_status' : '',
      }),
    },
  ],
  firing: [
    { alert: 'SloBurnFast', from: 100, to: 110, labels: { ...target } },
    { alert: 'SloBurnFast', from: 120, to: 130, labels: { ...target } },
    { alert: 'SloBurnFast', from: 140, to: 150, labels: { ...target } },
    { alert: 'SloBurnFast', from: 160, to: 170, labels: { ...target } },
    { alert: 'SloBurnSteady', from: 160, to: 255, labels: { ...target } },
    { alert: 'SloBurnFast', from: 180, to: 190, labels: { ...target } },
    { alert: 'SloBurnFast', from: 200, to: 210, labels: { ...target } },
    { alert: 'SloBurnFast', from: 220, to: 230, labels: { ...target } },
  ],
};
