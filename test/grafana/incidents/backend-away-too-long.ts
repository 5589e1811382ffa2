import type { Incident } from '../../support/grafana/incident.ts';

export const incident: Incident = {
  title: 'so much waits for the backend that the oldest is given up',
  minutes: 100,
  changes: [{ from: 10, to: 10.5, set: { droppedBlocks: 2 } }],
  firing: [
    {
      alert: 'ResultsDropped',
      from: 10,
      to: 70,
      labels: { collector: 'main', sink: 'metrics' },
      says: {
        at: 11,
        text: 'Collector main gave up 2 requests within the hour: too much waited for sink metrics',
      },
    },
  ],
};
