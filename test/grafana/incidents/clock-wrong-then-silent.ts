import type { Incident } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'an agent with a wrong clock is switched off: of its clock nothing is known any more',
  minutes: 30,
  changes: [
    { from: 5, to: 15, regions: ['eu-west'], set: { clockOffsetSeconds: 3600 } },
    { from: 15, regions: ['eu-west'], set: { silent: true, clockOffsetSeconds: 3600 } },
  ],
  firing: [
    { alert: 'AgentClockWrong', from: 10, to: 18, labels: { agent: 'eu-west' } },
    { alert: 'AgentSilent', from: 19, labels: { agent: 'eu-west' } },
  ],
};
