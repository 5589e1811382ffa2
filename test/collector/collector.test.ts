import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { OTLPMetricExporter as JsonExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPMetricExporter as ProtobufExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { newKey } from '#lib/key';
import { encodeMetrics } from '#lib/otlp/metrics';
import { eventually } from '../support/eventually.ts';
import { Farpoint } from '../support/farpoint.ts';
import { needs } from '../support/needs.ts';
import { gauge } from '../support/otlp/points.ts';
import { freePort } from '../support/servers/real-servers.ts';
import { answer, labelsOf, RemoteWriteRecorder } from '../support/servers/remote-write.ts';

const agentKey = newKey('eu-west');
const strangerKey = newKey('stranger');
const agentLine = `  - { id: eu-west, sha256: ${agentKey.sha256}, agents: [eu-west], regions: [eu-west] }`;
const strangerLine = `  - { id: stranger, sha256: ${strangerKey.sha256} }`;

let folder: string;
let port: number;
let url: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'farpoint-collector-'));
  port = await freePort();
  url = `http://127.0.0.1:${port}`;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const file = () => join(folder, 'collector.yaml');

function configure(lines: readonly string[], keyLines = [agentLine, strangerLine]): void {
  const own = ['version: 1', 'name: test', `listen: 127.0.0.1:${port}`, `data: ${folder}/data`];
  mkdirSync(join(folder, 'data'), { recursive: true });
  // Written beside it and renamed, as careful tools do.
  writeFileSync(`${file()}.new`, [...own, 'keys:', ...keyLines, ...lines, ''].join('\n'));
  renameSync(`${file()}.new`, file());
}

async function startCollector(): Promise<Farpoint> {
  const collector = Farpoint.start(['collector', '-c', file()]);
  await eventually('the collector to be ready', () => {
    if (!collector.running) throw new Error(collector.output);
    return collector.output.includes('the collector is ready');
  });
  return collector;
}

const prometheusSink = (recorder: RemoteWriteRecorder) => [
  'sinks:',
  `  - { name: backend, type: prometheus, url: '${recorder.url}' }`,
];

describe('stock OpenTelemetry exporters, as strangers', () => {
  test.each([
    ['protobuf', ProtobufExporter],
    ['JSON', JsonExporter],
  ])('their metrics arrive: %s', async (_encoding, Exporter) => {
    await using recorder = await RemoteWriteRecorder.start();
    configure(prometheusSink(recorder));
    await using _collector = await startCollector();
    const headers = { authorization: `Bearer ${strangerKey.text}` };
    const exporter = new Exporter({ url: `${url}/v1/metrics`, headers });
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
    const provider = new MeterProvider({ readers: [reader] });
    const meter = provider.getMeter('stranger');
    meter.createCounter('uploads', { unit: 'By' }).add(5, { space: 'a' });
    meter.createHistogram('upload.duration', { unit: 's' }).record(0.25);
    await provider.shutdown();
    const series = await eventually('both to arrive', () => {
      const names = recorder.series.map((one) => labelsOf(one)['__name__']);
      return names.includes('upload_duration_seconds_count') && recorder.series;
    });
    const uploads = series.find((one) => labelsOf(one)['__name__'] === 'uploads_bytes_total')!;
    expect(labelsOf(uploads)).toMatchObject({ space: 'a' });
    expect(uploads.samples).toMatchObject([{ value: 5 }]);
  });
});

describe('farpoint collector', () => {
  test('says once that it is ready, stops on SIGTERM with 0, and keeps what is not delivered', async () => {
    await using recorder = await RemoteWriteRecorder.start(answer(503));
    configure(prometheusSink(recorder));
    const collector = await startCollector();
    expect(await post(1)).toBe(200);
    expect(await collector.stop('SIGTERM')).toBe(0);
    const lines = collector.output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.filter(({ message }) => message === 'the collector is ready')).toMatchObject([
      { collector: 'test', url, keys: 2, waiting: { backend: 0 } },
    ]);
    recorder.requests.length = 0;
    recorder.respond = answer(204);
    await using again = await startCollector();
    await eventually('the delivery', () => recorder.requests.length > 0);
    expect(again.output).toContain('"waiting":{"backend":1}');
  });

  test('refuses to start with exit code 2 and the reason', async () => {
    configure([]);
    await using _first = await startCollector();
    const second = Farpoint.start(['collector', '-c', file()]);
    expect(await second.exited()).toBe(2);
    expect(second.output).toMatch(/^farpoint: cannot use the data folder .*another process/);
  });

  test.each(['queue', 'history', 'dead-letters'])(
    'names the data folder where it cannot make %s in it',
    async (part) => {
      configure([]);
      writeFileSync(join(folder, 'data', part), 'a file, where a folder is wanted');
      await using collector = Farpoint.start(['collector', '-c', file()]);
      expect(await collector.exited()).toBe(2);
      expect(collector.output).toMatch(
        /^farpoint: cannot use the data folder .*data \(data\), for a file is in the way: .*: EEXIST: file already exists/,
      );
    },
  );

  test(
    'takes over keys from the changed file, and not a broken one',
    { timeout: 40_000 },
    async () => {
      configure([]);
      await using collector = await startCollector();
      const fresh = newKey('eu-west');
      expect(await post(1, fresh.text)).toBe(401);
      configure([], [agentLine.replace(agentKey.sha256, 'nonsense')]);
      await eventually('the mistake to be told', () => collector.output.includes('cannot use the'));
      expect(await post(2)).toBe(200);
      configure([], [agentLine.replace(agentKey.sha256, fresh.sha256)]);
      await eventually('the new key', async () => (await post(3, fresh.text)) === 200);
      expect(await post(4)).toBe(401);
    },
  );

  test('its own metrics tell what waits, what was done and who was heard of', async () => {
    await using recorder = await RemoteWriteRecorder.start();
    configure(prometheusSink(recorder));
    await using _collector = await startCollector();
    await post(1);
    await post(2, 'nobody');
    const metrics = await eventually('the delivery', async () => {
      const text = await (await fetch(`${url}/metrics`)).text();
      return (
        text.includes('sink_delivered_points_total{sink="backend",collector="test"} 1') && text
      );
    });
    const value = (sample: string) =>
      Number(
        metrics
          .split('\n')
          .find((line) => line.startsWith(`${sample} `))
          ?.split(' ')
          .at(-1),
      );
    expect(value('farpoint_requests_total{signal="metrics",code="200",collector="test"}')).toBe(1);
    expect(value('farpoint_keys_rejected_total{reason="malformed",collector="test"}')).toBe(1);
    expect(value('farpoint_items_accepted_total{signal="metrics",collector="test"}')).toBe(1);
    const seen = 'farpoint_agent_last_seen_timestamp_seconds{agent="eu-west",collector="test"}';
    expect(Math.abs(value(seen) - Date.now() / 1000)).toBeLessThan(60);
    for (const line of metrics.trim().split('\n')) {
      expect(line).toMatch(
        /^(# (HELP|TYPE) \w+ .+|\w+\{[^}]*collector="test"\} (-?[\d.e+-]+|NaN))$/,
      );
    }
  });

  test(
    'kill -9 at any moment: each numbered batch reaches the backend exactly once',
    { timeout: 60_000 },
    async () => {
      await using recorder = await RemoteWriteRecorder.start();
      await recorder.close();
      configure(prometheusSink(recorder));
      let acknowledged = 0;
      for (const lifeMs of [60, 150, 300, 40]) {
        await using collector = await startCollector();
        const killed = new Promise((resolve) => setTimeout(resolve, lifeMs)).then(() =>
          collector.stop('SIGKILL'),
        );
        acknowledged = await sendUntilDead(acknowledged);
        await killed;
      }
      await using _collector = await startCollector();
      acknowledged = await sendUntilDead(acknowledged, acknowledged + 3);
      await recorder.listen();
      const positions = await eventually('all to arrive', () => {
        const found = recorder.series.flatMap(({ samples }) => samples.map(({ value }) => value));
        return found.length >= acknowledged && found;
      });
      const expected = Array.from({ length: acknowledged }, (_, index) => index + 1);
      expect(positions.toSorted((a, b) => a - b)).toEqual(expected);
    },
  );
});

needs('openssl')('TLS', () => {
  test('serves, and uses a certificate that was replaced', { timeout: 40_000 }, async () => {
    certify('first');
    configure([`tls: { certificate: ${folder}/tls.crt, key: ${folder}/tls.key }`]);
    await using collector = await startCollector();
    expect(collector.output).toContain(`https://127.0.0.1:${port}`);
    expect(await subjectOf(port)).toBe('first');
    certify('second');
    await eventually('the new certificate', async () => (await subjectOf(port)) === 'second');
    writeFileSync(join(folder, 'tls.crt'), 'no certificate');
    await eventually('the trouble', () => collector.output.includes('the old one goes on'));
    expect(await subjectOf(port)).toBe('second');
  });
});

/** Posts one point whose value is its position; 0 when nobody answers. */
async function post(position: number, key = agentKey.text): Promise<number> {
  try {
    const response = await fetch(`${url}/v1/metrics`, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-protobuf',
        authorization: `Bearer ${key}`,
        'farpoint-outbox': 'outbox',
        'farpoint-sequence': `${position}-${position}`,
      },
      body: encodeMetrics([gauge('position', Date.now(), { value: position })]),
    });
    await response.arrayBuffer();
    return response.status;
  } catch {
    return 0;
  }
}

/** Sends one batch after the other, as an agent does; gives the last one that was acknowledged. */
async function sendUntilDead(acknowledged: number, last = Infinity): Promise<number> {
  let position = acknowledged;
  while (position < last && (await post(position + 1)) === 200) position += 1;
  return position;
}

function certify(name: string): void {
  const output = ['-keyout', `${folder}/new.key`, '-out', `${folder}/new.crt`];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  execFileSync(
    'openssl',
    ['req', '-x509', ...key, ...output, '-days', '1', '-subj', `/CN=${name}`],
    {
      stdio: 'ignore',
    },
  );
  for (const part of ['key', 'crt']) {
    writeFileSync(join(folder, `tls.${part}`), readFileSync(join(folder, `new.${part}`)));
  }
}

async function subjectOf(port: number): Promise<string> {
  const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
  await new Promise((resolve, reject) => {
    socket.once('secureConnect', resolve).once('error', reject);
  });
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return String(subject.CN);
}
