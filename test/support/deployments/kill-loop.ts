import { setTimeout as delay } from 'node:timers/promises';
import type { MetricPoint } from '#lib/otlp/model';
import { eventually } from '../eventually.ts';
import { randomFrom } from '../random.ts';
import { startNginx, startVictoriaMetrics } from '../servers/real-servers.ts';
import { exportVictoriaMetrics, type StoredSeries } from './backend.ts';
import { Deployment } from './deployment.ts';

export interface KillReport {
  readonly kills: number;
  /** Points whose arrival the collector acknowledged to an agent. */
  readonly acknowledged: number;
  /** Acknowledged, and yet not in the backend. */
  readonly lost: readonly string[];
  /** (series, timestamp) that a reader of the backend sees twice. */
  readonly doubled: readonly string[];
}

const region = 'eu-west';
const targets = 20;

/**
 * Runs an agent with twenty targets a second, a collector and VictoriaMetrics, and kills agent or
 * collector with SIGKILL at random moments `count` times, each restarted at once; most kills hit while data
 * flow, however slow the machine is, some while what was killed is still starting. After every fifth
 * kill the backend is stopped for a second. Then holds what was acknowledged against what is stored.
 */
export async function killLoop(count: number, seed: number): Promise<KillReport> {
  const random = randomFrom(seed);
  await using nginx = await startNginx(
    ({ port }) => `server { listen 127.0.0.1:${port}; location / { return 200 "fine\\n"; } }`,
  );
  await using victoria = await startVictoriaMetrics(['-dedup.minScrapeInterval=1ms']);
  await using deployment = await Deployment.prepare({
    regions: [region],
    checks: [
      'defaults: { every: 1s, timeout: 900ms, service: shop }',
      'checks:',
      '  - name: home',
      '    type: http',
      `    targets: [${Array.from({ length: targets }, (_, index) => `'${nginx.url}/${index}'`).join(', ')}]`,
    ].join('\n'),
    sinks: `  - { name: victoria, type: prometheus, url: '${victoria.url}/api/v1/write' }`,
  });
  await deployment.startCollector();
  deployment.startAgent(region);
  for (let kill = 1; kill <= count; kill++) {
    if (random() < 0.8) await eventually('data to flow', () => grows(deployment, 100));
    await delay(200 + random() * 1500);
    await killOne(deployment, random() < 0.5 ? 'collector' : region);
    if (kill % 5 === 0) {
      await victoria.stop();
      await delay(1000);
      await victoria.start();
    }
  }
  await eventually('data to flow again', () => grows(deployment, 1500));
  await deployment.program(region).stop();
  return await compare(count, deployment.proxy.acknowledged, () =>
    exportVictoriaMetrics(victoria.url, '{__name__=~"probe_.*"}'),
  );
}

async function killOne(deployment: Deployment, name: string): Promise<void> {
  await deployment.program(name).stop('SIGKILL');
  if (name === 'collector') await deployment.startCollector();
  else deployment.startAgent(name);
}

async function grows(deployment: Deployment, withinMs: number): Promise<boolean> {
  const before = deployment.proxy.acknowledged.length;
  await delay(withinMs);
  return deployment.proxy.acknowledged.length > before;
}

async function compare(
  kills: number,
  acknowledged: readonly MetricPoint[],
  readSeries: () => Promise<StoredSeries[]>,
): Promise<KillReport> {
  const verdicts = acknowledged.filter(
    ({ name, value }) => name === 'probe.verdict' && value !== undefined,
  );
  const expected = new Set(
    verdicts.map(({ resource, attributes, timeUnixNano }) =>
      [resource['service.instance.id'], attributes['verdict'], timeUnixNano / 1_000_000n].join(' '),
    ),
  );
  let stored: string[] = [];
  const read = async (): Promise<boolean> => {
    const series = (await readSeries()).filter(
      ({ labels }) => labels['__name__'] === 'probe_verdict',
    );
    stored = series.flatMap(({ labels, samples }) =>
      samples.map(([time]) => `${labels['instance']} ${labels['verdict']} ${time}`),
    );
    const found = new Set(stored);
    return [...expected].every((key) => found.has(key));
  };
  await eventually('everything acknowledged to be stored', read, 60_000).catch(() => undefined);
  const found = new Set(stored);
  return {
    kills,
    acknowledged: expected.size,
    lost: [...expected].filter((key) => !found.has(key)),
    doubled: stored.filter((key, index) => stored.indexOf(key) !== index),
  };
}
