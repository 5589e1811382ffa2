import { setTimeout as delay } from 'node:timers/promises';
import { readAgentStatus } from '#lib/agent-status';
import type { MetricPoint } from '#lib/otlp/model';
import { eventually } from '../eventually.ts';
import { serveHttp } from '../servers/serve.ts';
import { Deployment } from './deployment.ts';

export interface AwayReport {
  /** Runs that began while the collector was away, by the agent's own timestamps. */
  readonly runsWhileAway: number;
  /** The longest time between two runs of the target, in milliseconds. */
  readonly longestGapMs: number;
  /** Points that arrived after a newer one of the same series. */
  readonly outOfOrder: number;
  /** The agent's count of completed runs, and the runs that arrived. */
  readonly completed: number;
  readonly arrived: number;
  /** Records that waited on the agent's disk when the collector came back. */
  readonly backlog: number;
}

/** Runs an agent that looks once a second, takes its collector away for `awayMs`, and brings it back. */
export async function collectorAway(awayMs: number): Promise<AwayReport> {
  await using service = await serveHttp((_, response) => response.end('fine\n'));
  await using deployment = await Deployment.prepare({
    regions: ['eu-west'],
    checks: [
      'defaults: { every: 1s, timeout: 900ms, service: shop }',
      'checks:',
      `  - { name: home, type: http, target: '${service.url}' }`,
    ].join('\n'),
    sinks: '  - { name: history, type: history }',
  });
  const { acknowledged } = deployment.proxy;
  await deployment.startCollector();
  deployment.startAgent('eu-west');
  await eventually('a first result', () => acknowledged.length > 0);
  await deployment.program('collector').stop('SIGKILL');
  const awayFromMs = Date.now();
  await delay(awayMs);
  const backAtMs = Date.now();
  const status = await readAgentStatus(deployment.folder('eu-west'));
  await deployment.startCollector();
  await eventually(
    'the backlog to arrive',
    () => timesOf(acknowledged).some((time) => time > backAtMs),
    60_000,
  );
  await deployment.program('eu-west').stop();
  const times = timesOf(acknowledged);
  return {
    runsWhileAway: times.filter((time) => time > awayFromMs && time < backAtMs).length,
    longestGapMs: Math.max(...times.slice(1).map((time, index) => time - (times[index] ?? time))),
    outOfOrder: times.filter((time, index) => time <= (times[index - 1] ?? 0)).length,
    completed: Number(
      acknowledged.findLast(({ name }) => name === 'farpoint.runs.completed')?.value,
    ),
    arrived: times.length,
    backlog: status?.outbox.blocks ?? 0,
  };
}

/** When each run began, in the order of arrival. */
function timesOf(points: readonly MetricPoint[]): number[] {
  return points
    .filter(({ name }) => name === 'probe.duration')
    .map(({ timeUnixNano }) => Number(timeUnixNano / 1_000_000n));
}
