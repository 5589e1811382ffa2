import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startCollector } from '#collector/collector';
import { loadCollectorConfiguration } from '#collector/config';
import { newKey } from '#lib/key';
import { createLog } from '#lib/log';
import { encodeMetrics } from '#lib/otlp/metrics';
import { ManualClock } from '../support/clocks/manual-clock.ts';
import { exportVictoriaMetrics } from '../support/deployments/backend.ts';
import { eventually } from '../support/eventually.ts';
import { needs } from '../support/needs.ts';
import { gauge } from '../support/otlp/points.ts';
import { startVictoriaMetrics } from '../support/servers/real-servers.ts';

const regions = ['eu-west', 'us-east', 'ap-south'];
const targets = Array.from({ length: 10 }, (_, index) => `https://shop-${index}.example.org/`);
/** What a run of an http check comes to. */
const metrics = Array.from({ length: 20 }, (_, index) => `probe.metric.${index}`);
const minutes = 60;

/*
 * Simulated is the collector's clock, and with it the dates of the points and how long the forwarder waits
 * between two tries; the queue, the requests, the backend and its absence are real.
 */
needs('victoria-metrics')('the backend is away for an hour', () => {
  test('of which every point arrives, once and in order', { timeout: 120_000 }, async () => {
    await using victoria = await startVictoriaMetrics();
    const startUnixMs = Date.now() - minutes * 60_000;
    const clock = new ManualClock(startUnixMs);
    const directory = mkdtempSync(join(tmpdir(), 'farpoint-hour-'));
    using cleanUp = new DisposableStack();
    cleanUp.defer(() => rmSync(directory, { recursive: true }));
    const key = newKey('agents');
    await using collector = await startCollector({
      configuration: configure({ directory, sha256: key.sha256, victoriaUrl: victoria.url }),
      clock,
      log: createLog({ level: 'silent' }),
      version: '0',
      name: 'main',
    });
    const send = async (minute: number): Promise<void> => {
      const headers = {
        authorization: `Bearer ${key.text}`,
        'content-type': 'application/x-protobuf',
      };
      for (const region of regions) {
        const body = encodeMetrics(pointsOf(region, { unixMs: clock.unixMs(), minute }));
        const answer = await fetch(`${collector.url}/v1/metrics`, {
          method: 'POST',
          headers,
          body,
        });
        expect(answer.status).toBe(200);
      }
    };
    const waiting = async (): Promise<number> => {
      const text = await (await fetch(`${collector.url}/metrics`)).text();
      return Number(/^farpoint_queue_age_seconds\{.*\} (\S+)/m.exec(text)?.[1]);
    };

    await send(0);
    await eventually('the first minute to arrive', () => collector.backlog()['victoria'] === 0);
    await victoria.stop();
    for (let minute = 1; minute <= minutes; minute++) {
      await clock.advance(60_000);
      await send(minute);
    }
    expect(await waiting()).toBe((minutes - 1) * 60);
    expect(collector.backlog()).toEqual({ victoria: minutes * regions.length });

    await victoria.start();
    await eventually('the hour to arrive', async () => {
      await clock.advance(1000);
      await delay(1);
      return collector.backlog()['victoria'] === 0;
    });
    expect(await waiting()).toBe(0);
    const stored = await exportVictoriaMetrics(victoria.url, '{__name__=~"probe_metric_.*"}');
    expect(stored.length).toBe(regions.length * targets.length * metrics.length);
    const everyMinute = Array.from({ length: minutes + 1 }, (_, minute) => [
      startUnixMs + minute * 60_000,
      minute,
    ]);
    for (const { samples } of stored) expect(samples).toEqual(everyMinute);
  });
});

function configure(options: {
  readonly directory: string;
  readonly sha256: string;
  readonly victoriaUrl: string;
}): ReturnType<typeof loadCollectorConfiguration> {
  const { directory, sha256, victoriaUrl } = options;
  const list = `[${regions.join(', ')}]`;
  const file = join(directory, 'collector.yaml');
  const lines = [
    'version: 1',
    'listen: 127.0.0.1:0',
    `data: ${directory}`,
    `keys: [{ id: agents, sha256: ${sha256}, agents: ${list}, regions: ${list} }]`,
    `sinks: [{ name: victoria, type: prometheus, url: '${victoriaUrl}/api/v1/write' }]`,
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  return loadCollectorConfiguration(file, { env: {}, resolve: true });
}

function pointsOf(region: string, { unixMs, minute }: { unixMs: number; minute: number }) {
  return targets.flatMap((target) =>
    metrics.map((name) =>
      gauge(name, unixMs, {
        resource: { 'service.name': 'shop', 'service.instance.id': target },
        attributes: { check: 'home', type: 'http', region, agent: region },
        value: minute,
      }),
    ),
  );
}
