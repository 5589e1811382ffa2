import { type Incident, target } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'a target becomes slow where it was mostly fast, and elsewhere not by enough to be felt',
  minutes: 150,
  changes: [
    {
      from: 0,
      to: 100,
      regions: ['eu-west'],
      set: (minute) => ({ durationSeconds: minute % 10 < 4 ? 0.3 : 0.02 }),
    },
    {
      from: 0,
      to: 100,
      regions: ['ap-south'],
      set: (minute) => ({ durationSeconds: minute % 10 < 4 ? 0.02 : 0.15 }),
    },
    { from: 0, to: 100, regions: ['us-east'], set: { durationSeconds: 0.02 } },
    { from: 100, regions: ['eu-west', 'ap-south'], set: { durationSeconds: 0.25 } },
    { from: 100, regions: ['us-east'], set: { durationSeconds: 0.19 } },
  ],
  firing: [{ alert: 'LatencyDegraded', from: 117, labels: { ...target, region: 'eu-west' } }],
};
