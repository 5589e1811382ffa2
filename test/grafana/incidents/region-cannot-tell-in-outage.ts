import { type Incident, target } from '../../support/grafana/incident.ts';

const cannotTell = {
  regions: ['eu-west'],
  set: { verdict: 'unknown', error: 'agent_overloaded' },
} as const;
const regionalOutage = { alert: 'RegionalOutage', labels: { ...target, region: 'eu-west' } };

export const incident: Incident = {
  title: 'the agent of a region that is cut off cannot tell for a moment, and then for minutes',
  minutes: 40,
  changes: [
    { from: 10, to: 35, regions: ['eu-west'], set: { verdict: 'down', error: 'connect_timeout' } },
    { from: 14, to: 15.5, ...cannotTell },
    { from: 20, to: 25, ...cannotTell },
  ],
  firing: [
    {
      ...regionalOutage,
      from: 12,
      to: 22,
      says: {
        at: 15,
        text: 'https://shop.example.org/ (home) is down in eu-west only: connect_timeout; last up at 1970-01-01 00:09:30 +0000 UTC',
      },
    },
    { ...regionalOutage, from: 27, to: 35 },
  ],
};
