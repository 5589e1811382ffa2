import { expect, test } from 'vitest';
import { setTimeout as delay } from 'node:timers/promises';
import type { MetricPoint } from '#lib/otlp/model';
import {
  exportPrometheus,
  exportVictoriaMetrics,
  type StoredSeries,
} from '../support/deployments/backend.ts';
import { Deployment } from '../support/deployments/deployment.ts';
import { eventually } from '../support/eventually.ts';
import { needs } from '../support/needs.ts';
import {
  startNginx,
  startPrometheus,
  startVictoriaMetrics,
} from '../support/servers/real-servers.ts';

const regions = ['eu-west', 'us-east'];
const identity = ['job', 'instance', 'check', 'type', 'region', 'agent'];

needs(
  'nginx',
  'victoria-metrics',
  'prometheus',
)('from nginx to two backends', () => {
  test(
    'every run is in both exactly once, and exactly the outage is down',
    { timeout: 120_000 },
    async () => {
      await using nginx = await startNginx(
        ({ port }) => `server { listen 127.0.0.1:${port}; location / { return 200 "fine\\n"; } }`,
      );
      await using victoria = await startVictoriaMetrics();
      await using prometheus = await startPrometheus({ outOfOrderWindow: '1h' });
      await using deployment = await Deployment.prepare({
        regions,
        checks: [
          'defaults: { every: 1s, timeout: 900ms, service: shop }',
          'checks:',
          `  - { name: home, type: http, target: '${nginx.url}/' }`,
        ].join('\n'),
        sinks: [
          `  - { name: victoria, type: prometheus, url: '${victoria.url}/api/v1/write' }`,
          `  - { name: prometheus, type: prometheus, url: '${prometheus.url}/api/v1/write' }`,
        ].join('\n'),
      });
      await deployment.startCollector();
      for (const region of regions) deployment.startAgent(region);
      const seen = (status: string): boolean =>
        regions.every((region) =>
          deployment.proxy.acknowledged.some(
            ({ name, attributes, value, timeUnixNano }) =>
              name === 'probe.verdict' &&
              attributes['region'] === region &&
              attributes['verdict'] === status &&
              value === 1 &&
              Number(timeUnixNano / 1_000_000n) > sinceMs,
          ),
        );
      let sinceMs = 0;
      await eventually('both regions to see it up', () => seen('up'));
      await delay(3000);
      await nginx.stop();
      const stoppedMs = Date.now();
      await eventually('both regions to see it down', () => seen('down'));
      await delay(3000);
      const startingMs = Date.now();
      await nginx.start();
      sinceMs = Date.now();
      await eventually('both regions to see it up again', () => seen('up'));
      await delay(2000);
      for (const region of regions) expect(await deployment.program(region).stop()).toBe(0);

      const acknowledged = deployment.proxy.acknowledged;
      const runs = runsOf(acknowledged);
      for (const region of regions) expectAllRunsRecorded(acknowledged, runs, region);
      const selector = '{__name__=~"probe_.*"}';
      const readers = {
        victoria: () => exportVictoriaMetrics(victoria.url, selector),
        prometheus: () => exportPrometheus(prometheus.url, selector, '10m'),
      };
      for (const [backend, readSeries] of Object.entries(readers)) {
        const stored = await eventually(`all runs to be in ${backend}`, async () => {
          const series = await readSeries();
          return timesOf(named(series, 'probe_duration_seconds')).length >= runs.length && series;
        });
        expectExactlyOnce(stored, runs);
        expectBlackboxIdentity(stored, nginx.url);
        expectPhasesToAddUp(stored);
        expectOutage(stored, { stoppedMs, startingMs, restartedMs: sinceMs });
      }
    },
  );
});

interface RecordedRun {
  readonly region: string;
  readonly unixMs: number;
}

function runsOf(points: readonly MetricPoint[]): RecordedRun[] {
  return points
    .filter(({ name, attributes }) => name === 'probe.verdict' && attributes['verdict'] === 'up')
    .map(({ attributes, timeUnixNano }) => ({
      region: String(attributes['region']),
      unixMs: Number(timeUnixNano / 1_000_000n),
    }));
}

/** The agent's own count of completed runs is the number of runs the collector acknowledged. */
function expectAllRunsRecorded(
  points: readonly MetricPoint[],
  runs: readonly RecordedRun[],
  region: string,
): void {
  const completed = points.filter(
    ({ name, attributes }) => name === 'farpoint.runs.completed' && attributes['region'] === region,
  );
  expect(completed.at(-1)?.value).toBe(runs.filter((run) => run.region === region).length);
}

function expectExactlyOnce(stored: readonly StoredSeries[], runs: readonly RecordedRun[]): void {
  const expected = runs.map(({ region, unixMs }) => `${region} ${unixMs}`).sort();
  for (const verdict of ['up', 'down', 'unknown']) {
    const series = named(stored, 'probe_verdict').filter(
      ({ labels }) => labels['verdict'] === verdict,
    );
    expect(timesOf(series)).toEqual(expected);
  }
  expect(timesOf(named(stored, 'probe_duration_seconds'))).toEqual(expected);
  expect(timesOf(named(stored, 'probe_success'))).toEqual(expected);
}

function expectBlackboxIdentity(stored: readonly StoredSeries[], url: string): void {
  const success = named(stored, 'probe_success');
  expect(success.map(({ labels }) => String(labels['region'])).sort()).toEqual(regions);
  for (const { labels } of success) {
    expect(
      Object.keys(labels)
        .filter((name) => name !== '__name__')
        .sort(),
    ).toEqual([...identity].sort());
    expect(labels).toMatchObject({ job: 'shop', instance: `${url}/`, check: 'home', type: 'http' });
    expect(labels['agent']).toBe(labels['region']);
  }
}

function expectPhasesToAddUp(stored: readonly StoredSeries[]): void {
  const phases = named(stored, 'probe_http_duration_seconds');
  const ups = named(stored, 'probe_success').flatMap(({ labels, samples }) =>
    samples
      .filter(([, value]) => value === 1)
      .map(([time]) => ({ region: labels['region'], time })),
  );
  expect(ups.length).toBeGreaterThan(4);
  for (const { region, time } of ups) {
    const at = (series: readonly StoredSeries[]): number[] =>
      series
        .filter(({ labels }) => labels['region'] === region)
        .flatMap(({ samples }) =>
          samples.filter(([unixMs]) => unixMs === time).map(([, value]) => value),
        );
    const sum = at(phases).reduce((total, value) => total + value, 0);
    const [total = Number.NaN] = at(named(stored, 'probe_duration_seconds'));
    expect(Math.abs(sum - total)).toBeLessThan(0.001);
  }
}

/** Runs that began while nginx was stopped are down for the reason a person would give; all others are up. */
function expectOutage(
  stored: readonly StoredSeries[],
  {
    stoppedMs,
    startingMs,
    restartedMs,
  }: { stoppedMs: number; startingMs: number; restartedMs: number },
): void {
  const success = named(stored, 'probe_success').flatMap(({ samples }) => samples);
  const inOutage = success.filter(([time]) => time >= stoppedMs && time < startingMs);
  expect(inOutage.length).toBeGreaterThan(2);
  expect(inOutage.every(([, value]) => value === 0)).toBe(true);
  const outside = success.filter(([time]) => time < stoppedMs - 1000 || time >= restartedMs);
  expect(outside.length).toBeGreaterThan(2);
  expect(outside.every(([, value]) => value === 1)).toBe(true);
  const reasons = named(stored, 'probe_error');
  // While it stops, nginx may take a connection and answer nothing.
  const meanwhile = reasons.filter(({ samples }) => samples.some(([time]) => time >= stoppedMs));
  expect(meanwhile.map(({ labels }) => labels['error_type'])).toEqual(
    regions.map(() => 'connect_refused'),
  );
  const failed = success.filter(([, value]) => value === 0);
  expect(sortedTimes(reasons.flatMap(({ samples }) => samples))).toEqual(sortedTimes(failed));
}

function sortedTimes(samples: StoredSeries['samples']): number[] {
  return samples.map(([time]) => time).sort((a, b) => a - b);
}

function named(stored: readonly StoredSeries[], name: string): StoredSeries[] {
  return stored.filter(({ labels }) => labels['__name__'] === name);
}

/** `region time` of every sample, duplicates included. */
function timesOf(series: readonly StoredSeries[]): string[] {
  return series
    .flatMap(({ labels, samples }) => samples.map(([time]) => `${labels['region']} ${time}`))
    .sort();
}
