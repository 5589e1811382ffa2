import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { runAgent } from '#agent/agent';
import type { AgentOptions } from '#agent/parts';
import type { CheckPlan } from '#agent/plan';
import { type Run, defineCheck } from '#checks/check';
import { readAgentStatus } from '#lib/agent-status';
import { createSystemClock } from '#lib/clock';
import type { Observation } from '#lib/observation';
import type { MetricPoint } from '#lib/otlp/model';
import { Secret } from '#lib/secret';
import { drain, openTestOutbox, startsOf } from '../support/agent/outboxes.ts';
import { planOf } from '../support/agent/plans.ts';
import { seen } from '../support/agent/results.ts';
import { createSwiftClock } from '../support/clocks/swift-clock.ts';
import { eventually } from '../support/eventually.ts';
import { LogLines } from '../support/log-lines.ts';
import { newestSum } from '../support/otlp/newest.ts';
import { RecordingCollector } from '../support/servers/recording-collector.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

let folder: ReturnType<typeof temporaryFolder>;
let collector: RecordingCollector;
let lines: LogLines;
beforeEach(async () => {
  folder = temporaryFolder();
  collector = await RecordingCollector.start();
  lines = new LogLines();
});
afterEach(async () => {
  await collector[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

/** A type of check whose runs do what the test says. */
function typeOf(run: (run: Run, target: string) => Promise<Observation>) {
  return defineCheck({
    type: 'test',
    summary: 'Made up.',
    settings: z.object({}),
    metrics: [seen],
    validateTarget: () => undefined,
    create: async ({ target }) => {
      if (target === 'cannot be set up') throw new Error('no such engine');
      return { run: (given) => run(given, target) };
    },
  });
}

const counting = typeOf(async ({ state }) => {
  const runs = typeof state === 'number' ? state + 1 : 1;
  return { verdict: { status: 'up' }, measurements: [{ metric: seen, value: 1 }], state: runs };
});

/** Starts an agent; the function it gives stops it. */
function start(
  plans: readonly CheckPlan[],
  overrides: Partial<AgentOptions> & { urls?: readonly string[] } = {},
): () => Promise<void> {
  const stop = new AbortController();
  const { urls = [collector.url], ...options } = overrides;
  const running = runAgent(
    {
      configuration: {
        region: 'eu-west',
        name: 'eu-west-1',
        dataDirectory: folder.path,
        outbox: { bytesMax: 1 << 30, ageMaxMs: 7 * 86_400_000 },
        collector: { urls, key: new Secret('id.hush') },
        canaries: [],
        egress: { allow: [], deny: [] },
        packetsPerSecondMax: 100,
        log: { level: 'info' },
        fleet: { regions: ['eu-west'], checks: [], hash: '0123456789ab' },
        plans,
        skipped: { region: ['elsewhere'], agent: [], only: [] },
      },
      version: '1.2.3',
      clock: createSystemClock(),
      log: lines.log,
      types: [counting],
      ...options,
    },
    stop.signal,
  );
  return async () => {
    stop.abort();
    await running;
  };
}

const every = (everyMs: number, target = 'a'): CheckPlan =>
  planOf({ target, schedule: { everyMs }, timeoutMs: everyMs });

function valuesOf(metric: string, points: readonly MetricPoint[]): number[] {
  return points.filter(({ name }) => name === metric).map(({ value }) => Number(value));
}

describe('agent', () => {
  test('runs its checks and delivers what they saw; says so once', async () => {
    const stop = start([every(50, 'a'), every(50, 'b')]);
    await eventually('results of both', () => valuesOf(seen.name, collector.points).length > 6);
    await stop();
    const { resource, attributes } = collector.points.find(({ name }) => name === 'probe.success')!;
    expect(resource['service.name']).toBe('clowder');
    expect(attributes).toMatchObject({
      check: 'home',
      type: 'test',
      region: 'eu-west',
      agent: 'eu-west-1',
    });
    const summaries = lines.lines.filter(({ message }) => message === 'the agent runs');
    expect(summaries).toMatchObject([
      {
        version: '1.2.3',
        checks: 1,
        targets: 2,
        skipped: { region: ['elsewhere'] },
        collector: 'reachable',
        backlog: { records: 0 },
      },
    ]);
    expect(readFileSync(join(folder.path, 'status.json'), 'utf8')).not.toContain('hush');
  });

  test('delivers at its end what it saw last', async () => {
    // So slow that a busy machine sends the last results in the time an agent has for it.
    const stop = start([every(20)], { clock: createSwiftClock(0.2) });
    await eventually('a result', () => collector.points.length > 0);
    await stop();
    const status = await readAgentStatus(folder.path);
    expect(status).toMatchObject({ outbox: { blocks: 0 }, export: { trouble: null } });
  });

  test('while the collector is away for two minutes, checks go on; all arrives, in order and as dated', async () => {
    const clock = createSwiftClock(20);
    const stop = start([every(3000)], { clock });
    await eventually('results to arrive', () => startsOf(collector.points).length > 3);
    await collector.leave();
    const awayUnixMs = clock.unixMs();
    await eventually('two minutes to pass', () => clock.unixMs() - awayUnixMs > 120_000);
    expect((await readAgentStatus(folder.path))?.export.trouble).toContain('ECONNREFUSED');
    await collector.listen();
    const backUnixMs = clock.unixMs();
    await eventually(
      'the present to arrive',
      () => startsOf(collector.points).at(-1)! > backUnixMs,
    );
    await stop();
    const starts = startsOf(collector.points);
    expect(starts).toEqual(starts.toSorted((left, right) => left - right));
    const meanwhile = starts.filter((start) => start > awayUnixMs && start < backUnixMs);
    expect(meanwhile.length).toBeGreaterThan(10);
    const newest = (metric: string): number => newestSum(collector.points, metric);
    expect(newest('farpoint.runs.completed')).toBe(starts.length);
    expect(newest('farpoint.runs.scheduled')).toBe(starts.length + newest('farpoint.runs.skipped'));
    expect(valuesOf(seen.name, collector.points)).toEqual(starts.map((_, index) => index + 1));
  });

  test('counters go on over restarts, with the state of the check', async () => {
    for (const results of [3, 6, 9]) {
      const stop = start([every(40)]);
      await eventually('results', () => valuesOf(seen.name, collector.points).length >= results);
      await stop();
    }
    const sums = valuesOf(seen.name, collector.points);
    expect(sums).toEqual(sums.map((_, index) => index + 1));
    const completed = valuesOf('farpoint.runs.completed', collector.points);
    expect(completed).toEqual(completed.map((_, index) => index + 1));
  });

  test('a check that cannot be set up is unknown, and the others run', async () => {
    const stop = start([every(50, 'cannot be set up'), every(50, 'fine')]);
    await eventually(
      'both to be heard of',
      () => collector.logs.length > 0 && valuesOf(seen.name, collector.points).length > 0,
    );
    await stop();
    expect(collector.logs[0]).toMatchObject({
      severityText: 'WARN',
      body: 'cannot set up the check: no such engine',
      attributes: { 'error.type': 'agent_error', verdict: 'unknown' },
    });
  });

  test('a check that is no longer configured ends its series', async () => {
    const stop = start([every(50, 'old'), every(50, 'kept')]);
    await eventually('a result', () => valuesOf(seen.name, collector.points).length > 3);
    await stop();
    const before = collector.points.length;
    const stopAgain = start([every(50, 'kept')]);
    await eventually('the end to be told', () => collector.points.length > before);
    await stopAgain();
    const ended = collector.points.filter(({ value }) => value === undefined);
    expect(new Set(ended.map(({ resource }) => resource['service.instance.id']))).toEqual(
      new Set(['old']),
    );
    expect(ended.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['probe.success', seen.name, 'farpoint.runs.completed']),
    );
  });

  test('stops in time: what does not end is skipped, not down', async () => {
    let begun = false;
    const hanging = typeOf(
      ({ signal }) =>
        new Promise((resolve) => {
          begun = true;
          signal.addEventListener('abort', () =>
            resolve({
              verdict: { status: 'down', error: 'connect_timeout', message: 'cut off' },
              measurements: [],
            }),
          );
        }),
    );
    const plan = planOf({ schedule: { everyMs: 100 }, timeoutMs: 60_000 });
    const clock = createSwiftClock(20);
    const stop = start([plan], { types: [hanging], clock });
    await eventually('a run to begin', () => begun);
    const stopMs = clock.monotonicMs();
    await stop();
    expect(clock.monotonicMs() - stopMs, 'less than its deadline').toBeLessThan(60_000);
    await using outbox = await openTestOutbox(join(folder.path, 'outbox'));
    const { points, logs } = await drain(outbox);
    expect([...collector.logs, ...logs]).toEqual([]);
    const stopping = [...collector.points, ...points].filter(
      ({ name, attributes }) =>
        name === 'farpoint.runs.skipped' && attributes['reason'] === 'agent_stopping',
    );
    // A busy machine may stop between an answer and what is made of it: then both have the same.
    expect(new Set(stopping.map(({ value }) => value))).toEqual(new Set([1]));
  });

  test('a second one on the same data refuses to start, by name', async () => {
    const stop = start([every(50)]);
    await eventually('the first to run', () => collector.points.length > 0);
    await expect(start([every(50)])()).rejects.toThrow(`cannot use the data folder ${folder.path}`);
    await stop();
  });
});
