import type { Incident } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'the clock of an agent is ten minutes behind: its verdicts are stale as they come',
  minutes: 30,
  changes: [{ from: 10, to: 20, regions: ['eu-west'], set: { clockOffsetSeconds: -600 } }],
  firing: [{ alert: 'AgentClockWrong', from: 15, to: 20, labels: { agent: 'eu-west' } }],
};
