import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { prometheus } from '#collector/sinks/prometheus';
import type { Batch, Sink } from '#collector/sinks/sink';
import type { MetricPoint } from '#lib/otlp/model';
import { QuickClock } from '../support/clocks/quick-clock.ts';
import { startForwarding } from '../support/collector/forwarding.ts';
import { MemorySource } from '../support/collector/memory-source.ts';
import {
  exportPrometheus,
  exportVictoriaMetrics,
  type StoredSeries,
} from '../support/deployments/backend.ts';
import { eventually } from '../support/eventually.ts';
import { needs } from '../support/needs.ts';
import { counter, gauge, histogram } from '../support/otlp/points.ts';
import { startPrometheus, startVictoriaMetrics } from '../support/servers/real-servers.ts';

const minute = 60_000;
const hour = 60 * minute;
/** What an outage may add is a canary. */
const everything = '{__name__=~".+",__name__!="farpoint_sink_canary"}';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'farpoint-forwarding-'));
});
afterEach(() => rm(directory, { recursive: true }));

/** What every backend must have of `batchAt`. */
const expected = (times: readonly number[]): readonly string[] =>
  [
    'probe_success{agent,check,instance,job,region,type}',
    'probe_http_duration_seconds{agent,check,instance,job,phase,region,type}',
    'farpoint_runs_completed_total{agent,check,instance,job,region,type}',
    ...['0.1', '1', '+Inf'].map(
      (le) => `log_request_time_seconds_bucket{agent,check,instance,job,le=${le},region,type}`,
    ),
    'log_request_time_seconds_sum{agent,check,instance,job,region,type}',
    'log_request_time_seconds_count{agent,check,instance,job,region,type}',
  ]
    .flatMap((series) => times.map((time) => `${series} ${time}`))
    .sort();

needs('victoria-metrics')('forwarding to VictoriaMetrics', () => {
  test('everything arrives once, under its names, though the backend is away at first', async () => {
    await using victoria = await startVictoriaMetrics();
    await using sink = await sinkFor(victoria.url);
    const times = timesBack(8, minute);
    const source = new MemorySource(times.map(batchAt));
    await victoria.stop();
    await using forwarding = await startForwarding(directory, sink, source);
    await eventually('it to fail', () => forwarding.forwarder.statistics.retries > 5);
    expect(source.acknowledged).toBe(0);
    await victoria.start();
    await source.drained;
    expect(flat(await exportVictoriaMetrics(victoria.url, everything))).toEqual(expected(times));
    expect(forwarding.forwarder.statistics).toMatchObject({
      deadLettered: { points: 0 },
      failingSinceUnixMs: undefined,
    });
  });

  test('a staleness marker ends a series at once', async () => {
    await using victoria = await startVictoriaMetrics();
    await using sink = await sinkFor(victoria.url);
    const [end = 0, ...before] = timesBack(4, minute).toReversed();
    await deliver(
      sink,
      before.map((time) => gauge('probe.success', time)),
    );
    await deliver(sink, [gauge('probe.success', end, { value: undefined })]);
    await fetch(`${victoria.url}/internal/force_flush`);
    expect(await instant(victoria.url, 'probe_success', end - 1)).toBe(1);
    expect(await instant(victoria.url, 'probe_success', end + 1)).toBe(undefined);
  });
});

needs('prometheus')('forwarding to Prometheus', () => {
  test('everything arrives once, under its names, in one long backlog too', async () => {
    await using server = await startPrometheus({ outOfOrderWindow: '1h' });
    await using sink = await sinkFor(server.url);
    const times = timesBack(20, minute);
    const batches = times.map(batchAt);
    const source = new MemorySource([
      { points: batches.flatMap(({ points }) => points), logs: [] },
      ...batches,
    ]);
    await using forwarding = await startForwarding(directory, sink, source);
    await source.drained;
    expect(flat(await exportPrometheus(server.url, everything, '2h'))).toEqual(expected(times));
    expect(await forwarding.letters()).toEqual([]);
  });

  test('a staleness marker ends a series at once', async () => {
    await using server = await startPrometheus();
    await using sink = await sinkFor(server.url);
    const [end = 0, ...before] = timesBack(4, minute).toReversed();
    await deliver(
      sink,
      before.map((time) => gauge('probe.success', time)),
    );
    await deliver(sink, [gauge('probe.success', end, { value: undefined })]);
    expect(await instant(server.url, 'probe_success', end - 1)).toBe(1);
    expect(await instant(server.url, 'probe_success', end + 1)).toBe(undefined);
  });

  test.each([
    // Answered with 400: out of bounds.
    { outOfOrderWindow: undefined, age: 3 * hour },
    // Answered with 500, for ever: too old sample.
    { outOfOrderWindow: '2h', age: 30 * hour },
  ])('sets aside only a sample that is $age ms old (window $outOfOrderWindow)', async (given) => {
    const { outOfOrderWindow, age } = given;
    await using server = await startPrometheus(outOfOrderWindow ? { outOfOrderWindow } : {});
    await using sink = await sinkFor(server.url);
    const times = timesBack(3, minute);
    const good = times.map(batchAt);
    const old = gauge('probe.old', Date.now() - age);
    const poisoned = { points: [...(good[1]?.points ?? []), old], logs: [] };
    const source = new MemorySource([good[0] ?? poisoned, poisoned, good[2] ?? poisoned]);
    await using forwarding = await startForwarding(directory, sink, source);
    await source.drained;
    expect(flat(await exportPrometheus(server.url, everything, '40h'))).toEqual(expected(times));
    expect(await forwarding.letters()).toMatchObject([
      { points: 1, repeated: false, first: expect.stringContaining('probe.old{') },
    ]);
  });

  test.each([undefined, '2h'])(
    'sets aside a late backlog as a whole (window %s)',
    async (window) => {
      await using server = await startPrometheus(window ? { outOfOrderWindow: window } : {});
      await using sink = await sinkFor(server.url);
      const times = timesBack(3, minute);
      const late = Array.from({ length: 200 }, (_, index) =>
        gauge(`probe.late.${index % 4}`, Date.now() - 20 * hour + index * 1000),
      );
      const fresh = times.map(batchAt);
      const [first = batchAt(0), ...rest] = fresh;
      const mixed = { points: [...late, ...rest.flatMap(({ points }) => points)], logs: [] };
      const source = new MemorySource([first, mixed]);
      await using forwarding = await startForwarding(directory, sink, source);
      await source.drained;
      expect(flat(await exportPrometheus(server.url, everything, '40h'))).toEqual(expected(times));
      const { deadLettered, rejections } = forwarding.forwarder.statistics;
      expect(deadLettered.points).toBe(200);
      expect(rejections).toBeLessThan(20);
    },
  );

  test('a batch that is sent again after a crash is no loss, and not counted as one', async () => {
    await using server = await startPrometheus();
    await using sink = await sinkFor(server.url);
    const times = timesBack(3, 10_000);
    const points = times.flatMap((time) => batchAt(time).points);
    await deliver(sink, points);
    const source = new MemorySource([{ points, logs: [] }]);
    await using forwarding = await startForwarding(directory, sink, source);
    await source.drained;
    expect(flat(await exportPrometheus(server.url, everything, '2h'))).toEqual(expected(times));
    const { deadLettered, repeated } = forwarding.forwarder.statistics;
    expect(deadLettered.points).toBe(0);
    expect(repeated.points).toBeGreaterThan(0);
  });

  test('nothing is lost when it is killed in between', async () => {
    await using server = await startPrometheus({ outOfOrderWindow: '1h' });
    await using sink = await sinkFor(server.url);
    const times = timesBack(30, minute);
    const source = new MemorySource(times.map(batchAt));
    await using forwarding = await startForwarding(directory, slowed(sink), source);
    await eventually('some to arrive', () => source.acknowledged >= 5);
    await server.stop('SIGKILL');
    await eventually('it to fail', () => forwarding.forwarder.statistics.retries > 3);
    await server.start();
    await source.drained;
    expect(flat(await exportPrometheus(server.url, everything, '2h'))).toEqual(expected(times));
  });
});

needs('victoria-metrics', 'prometheus')('what a sink says of a backend', () => {
  test.each([
    ['VictoriaMetrics', () => startVictoriaMetrics(), /without -dedup\.minScrapeInterval/],
    [
      'VictoriaMetrics that hides duplicates',
      () => startVictoriaMetrics(['-dedup.minScrapeInterval=1ms']),
      undefined,
    ],
    ['Prometheus', () => startPrometheus(), /no storage\.tsdb\.out_of_order_time_window/],
    ['Prometheus with a window', () => startPrometheus({ outOfOrderWindow: '30m' }), undefined],
  ])('%s', async (_, start, warning) => {
    await using server = await start();
    await using sink = await sinkFor(server.url);
    const findings = await sink.inspect?.(new AbortController().signal);
    expect(findings).toEqual(warning === undefined ? [] : [expect.stringMatching(warning)]);
  });
});

/** A point of each kind. */
function batchAt(unixMs: number): Batch {
  const { attributes } = gauge('', unixMs);
  return {
    points: [
      gauge('probe.success', unixMs),
      gauge('probe.http.duration', unixMs, {
        unit: 's',
        value: 0.125,
        attributes: { ...attributes, phase: 'connect' },
      }),
      counter('farpoint.runs.completed', unixMs, { unit: '{run}', value: 17 }),
      histogram('log.request.time', unixMs, { unit: 's' }),
    ],
    logs: [],
  };
}

/** Times in whole milliseconds, oldest first. VictoriaMetrics hides the last second: its clock has whole ones. */
function timesBack(count: number, spacingMs: number): readonly number[] {
  const last = Date.now() - 5_000;
  return Array.from({ length: count }, (_, index) => last - (count - 1 - index) * spacingMs);
}

/** `name{labels} time` of every sample, true duplicates included; of labels only `le` shows its value. */
function flat(stored: readonly StoredSeries[]): readonly string[] {
  return stored
    .flatMap(({ labels, samples }) => {
      const { __name__: name, ...rest } = labels;
      const shown = Object.keys(rest)
        .sort()
        .map((label) => (label === 'le' ? `le=${rest[label]}` : label));
      return samples.map(([time]) => `${name}{${shown.join()}} ${time}`);
    })
    .sort();
}

async function instant(url: string, query: string, unixMs: number): Promise<number | undefined> {
  const answer = await fetch(`${url}/api/v1/query?query=${query}&time=${unixMs / 1000}`);
  const { data } = (await answer.json()) as { data: { result: { value: [number, string] }[] } };
  const [series] = data.result;
  return series && Number(series.value[1]);
}

function sinkFor(url: string): Promise<Sink> {
  return prometheus.create({
    name: 'metrics',
    settings: prometheus.settings.parse({ url: `${url}/api/v1/write` }),
    labels: {},
    dataDirectory: directory,
    clock: new QuickClock(),
  });
}

async function deliver(sink: Sink, points: readonly MetricPoint[]): Promise<void> {
  const delivery = await sink.deliver({ points, logs: [] }, new AbortController().signal);
  expect(delivery).toEqual({ kind: 'delivered' });
}

/** So that something is still to come when a test has seen the first. */
function slowed(sink: Sink): Sink {
  return {
    deliver: async (batch, signal) => {
      await sleep(20);
      return sink.deliver(batch, signal);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
