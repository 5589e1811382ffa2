import type { Incident } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'an agent cannot tell for two of its five targets, then for three',
  minutes: 60,
  others: 4,
  changes: [
    { from: 10, regions: ['eu-west'], to: 20, set: { othersUnknown: 2 } },
    { from: 20, regions: ['eu-west'], to: 40, set: { othersUnknown: 3 } },
  ],
  firing: [
    { alert: 'AgentCannotTell', from: 25, to: 40, labels: { agent: 'eu-west', region: 'eu-west' } },
  ],
};
