import type { Incident } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'the backend takes nothing for a while, the collector keeps it',
  minutes: 50,
  changes: [{ from: 10, to: 30, set: (minute) => ({ queueAgeSeconds: (minute - 10) * 60 }) }],
  firing: [
    {
      alert: 'QueueBacklog',
      from: 21,
      to: 30,
      labels: { collector: 'main', sink: 'metrics' },
      says: { at: 22, text: 'Results wait since 12m 0s in collector main for sink metrics' },
    },
  ],
};
