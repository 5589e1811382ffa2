import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { newKey } from '#lib/key';
import { encodeMetrics } from '#lib/otlp/metrics';
import { eventually } from '../support/eventually.ts';
import { Farpoint } from '../support/farpoint.ts';
import { needs } from '../support/needs.ts';
import { openUnnamedHost, silentNameServer } from '../support/network/silent-name-server.ts';
import { gauge } from '../support/otlp/points.ts';
import { freePort } from '../support/servers/real-servers.ts';
import { labelsOf, RemoteWriteRecorder } from '../support/servers/remote-write.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Five seconds for the delivery under way, and some; a lookup by the system would last ten. */
const stopMs = 8000;

needs('root', 'iproute2')('where the name server is silent', () => {
  test('SIGTERM ends a collector in time that looks a backend up, and nothing is lost', async () => {
    using folder = temporaryFolder();
    const port = await freePort();
    const key = newKey('stranger');
    const start = async (url: string, wrapper: readonly string[] = []): Promise<Farpoint> => {
      const file = join(folder.path, 'collector.yaml');
      const lines = [
        'version: 1',
        `listen: 127.0.0.1:${port}`,
        `data: ${folder.path}/data`,
        `keys: [{ id: stranger, sha256: ${key.sha256} }]`,
        `sinks: [{ name: backend, type: prometheus, url: '${url}' }]`,
      ];
      writeFileSync(file, `${lines.join('\n')}\n`);
      const collector = Farpoint.start(['collector', '-c', file], {}, wrapper);
      await eventually('it to be ready', () => collector.output.includes('collector is ready'));
      return collector;
    };

    await using away = await start(`http://127.0.0.1:${await freePort()}/write`);
    const answer = await fetch(`http://127.0.0.1:${port}/v1/metrics`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key.text}`, 'content-type': 'application/x-protobuf' },
      body: encodeMetrics([gauge('kept', Date.now(), { attributes: {} })]),
    });
    expect(answer.status).toBe(200);
    expect(await away.stop(), away.output).toBe(0);

    using host = openUnnamedHost();
    using nameServer = silentNameServer(host);
    const wrapper = ['ip', 'netns', 'exec', host.namespace];
    await using unnamed = await start('http://backend.example.test/write', wrapper);
    await eventually('questions', () => nameServer.questions > 0);
    const startedMs = performance.now();
    expect(await unnamed.stop(), unnamed.output).toBe(0);
    expect(performance.now() - startedMs).toBeLessThan(stopMs);

    await using recorder = await RemoteWriteRecorder.start();
    await using _back = await start(recorder.url);
    await eventually('the result', () =>
      recorder.series.some((series) => labelsOf(series)['__name__'] === 'kept'),
    );
  });
});
