import { lookup } from 'node:dns';
import { expect, test } from 'vitest';
import { agentMetrics, type AgentReadings } from '#agent/agent-metrics';
import { startTelemetry } from '#agent/telemetry';
import { Secret } from '#lib/secret';
import { RecordingCollector } from '../support/servers/recording-collector.ts';

const readings: AgentReadings = {
  outbox: {
    bytes: 4096,
    records: 2,
    ageMs: 1500,
    droppedRecords: 3,
    waitingResults: 4,
    droppedResults: 5,
  },
  export: {
    lastSuccessUnixMs: undefined,
    trouble: undefined,
    failures: 6,
    rejectedItems: 7,
    quarantinedRecords: 8,
  },
  runsInFlight: 9,
  loopBlockedMs: 250,
  residentBytes: 1e8,
  startedUnixMs: 1.7e12,
};

test('an agent tells all it knows of itself, in the units it declares, with its last export', async () => {
  await using collector = await RecordingCollector.start();
  const telemetry = startTelemetry({
    identity: { name: 'eu-west-1', region: 'eu-west' },
    version: '1.2.3',
    url: collector.url,
    key: new Secret('id.hush'),
    read: () => readings,
    lookup,
  });
  await telemetry.shutdown();
  expect(collector.requests.map(({ headers }) => headers.authorization)).toEqual([
    'Bearer id.hush',
  ]);
  expect(Object.fromEntries(collector.points.map(({ name, value }) => [name, value]))).toEqual({
    'farpoint.agent.start.timestamp': 1.7e9,
    'farpoint.agent.runs.in.flight': 9,
    'farpoint.agent.loop.blocked': 0.25,
    'farpoint.agent.memory.resident': 1e8,
    'farpoint.agent.outbox.size': 4096,
    'farpoint.agent.outbox.age': 1.5,
    'farpoint.agent.outbox.dropped': 3,
    'farpoint.agent.results.waiting': 4,
    'farpoint.agent.results.dropped': 5,
    'farpoint.agent.export.failures': 6,
    'farpoint.agent.export.rejected': 7,
    'farpoint.agent.export.quarantined': 8,
  });
  expect(collector.points).toHaveLength(agentMetrics.length);
  for (const { resource, attributes } of collector.points) {
    expect(resource).toMatchObject({
      'service.name': 'farpoint-agent',
      'service.instance.id': 'eu-west-1',
      'service.version': '1.2.3',
    });
    expect(attributes).toEqual({ agent: 'eu-west-1', region: 'eu-west' });
  }
});
