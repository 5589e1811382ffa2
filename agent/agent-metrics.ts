import type { MetricDeclaration } from '#lib/observation';
import type { ExportStatistics } from './export.ts';
import type { OutboxStatistics } from './outbox.ts';

/** What there is to read of a running agent at any moment. */
export interface AgentReadings {
  readonly outbox: OutboxStatistics;
  readonly export: ExportStatistics;
  readonly runsInFlight: number;
  readonly loopBlockedMs: number;
  readonly residentBytes: number;
  readonly startedUnixMs: number;
}

interface AgentMetric {
  readonly metric: MetricDeclaration;
  /** Undefined: not known now. */
  value(readings: AgentReadings): number | undefined;
}

/** What an agent says of its own process. */
export const agentMetrics: readonly AgentMetric[] = [
  gauge('farpoint.agent.start.timestamp', 's', 'Unix time at which the agent started.', (now) =>
    seconds(now.startedUnixMs),
  ),
  gauge(
    'farpoint.agent.runs.in.flight',
    '{run}',
    'Runs on their way at this moment.',
    (now) => now.runsInFlight,
  ),
  counter('farpoint.agent.loop.blocked', 's', 'Time in which the event loop stood still.', (now) =>
    seconds(now.loopBlockedMs),
  ),
  gauge(
    'farpoint.agent.memory.resident',
    'By',
    'Resident memory of the process.',
    (now) => now.residentBytes,
  ),
  gauge(
    'farpoint.agent.outbox.size',
    'By',
    'What waits on disk for the collector.',
    (now) => now.outbox.bytes,
  ),
  gauge('farpoint.agent.outbox.age', 's', 'How long the oldest of it has been waiting.', (now) =>
    seconds(now.outbox.ageMs),
  ),
  counter(
    'farpoint.agent.outbox.dropped',
    '{record}',
    'Groups of results given up because the outbox reached its size or age.',
    (now) => now.outbox.droppedRecords,
  ),
  gauge(
    'farpoint.agent.results.waiting',
    '{result}',
    'Results in memory because the disk refuses them.',
    (now) => now.outbox.waitingResults,
  ),
  counter(
    'farpoint.agent.results.dropped',
    '{result}',
    'Results given up because the disk refused them for too long.',
    (now) => now.outbox.droppedResults,
  ),
  counter(
    'farpoint.agent.export.failures',
    '{request}',
    'Requests that were not answered with success; all but quarantined ones are sent again.',
    (now) => now.export.failures,
  ),
  counter(
    'farpoint.agent.export.rejected',
    '{item}',
    'Points and log records that the collector said it can never accept.',
    (now) => now.export.rejectedItems,
  ),
  counter(
    'farpoint.agent.export.quarantined',
    '{record}',
    'Groups of results that were refused and set aside in a file.',
    (now) => now.export.quarantinedRecords,
  ),
];

function gauge(
  name: string,
  unit: string,
  description: string,
  value: AgentMetric['value'],
): AgentMetric {
  return { metric: { name, unit, description, kind: 'gauge' }, value };
}

function counter(
  name: string,
  unit: string,
  description: string,
  value: AgentMetric['value'],
): AgentMetric {
  return { metric: { name, unit, description, kind: 'counter' }, value };
}

function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000;
}
