import type { Incident } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'an agent skips one run in twelve',
  minutes: 60,
  changes: [{ from: 10, to: 40, regions: ['eu-west'], set: { skipsPerRun: 0.083 } }],
  firing: [],
};
