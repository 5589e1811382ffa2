/**
 * A collector as a process, fsync and all: points a second that a few agents get accepted, what that
 * costs the collector, and how long an answer takes. Its sink is a backend that is away, so that
 * forwarding has no share in it.
 *
 *     node test/bench/receiver.ts [SECONDS]
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Pool } from 'undici';
import { newKey } from '#lib/key';
import { encodeMetrics } from '#lib/otlp/metrics';
import { eventually } from '../support/eventually.ts';
import { Farpoint } from '../support/farpoint.ts';
import { gauge } from '../support/otlp/points.ts';
import { freePort } from '../support/servers/real-servers.ts';

const seconds = Number(process.argv[2] ?? 5);
const connections = 16;
const pointsPerRequest = 200;

const folder = mkdtempSync(join(tmpdir(), 'farpoint-bench-'));
const port = await freePort();
const url = `http://127.0.0.1:${port}`;
const key = newKey('eu-west');
writeFileSync(
  join(folder, 'collector.yaml'),
  `version: 1
listen: 127.0.0.1:${port}
data: ${folder}
keys: [{ id: eu-west, sha256: ${key.sha256}, agents: [eu-west], regions: [eu-west] }]
sinks: [{ name: away, type: prometheus, url: 'http://127.0.0.1:1/' }]
`,
);
try {
  await using collector = Farpoint.start(['collector', '-c', join(folder, 'collector.yaml')]);
  await eventually('the collector to be ready', () => collector.output.includes('is ready'));
  const pool = new Pool(url, { connections });
  const body = request();
  for (const [name, bytes] of [
    ['plain', body],
    ['gzip', gzipSync(body)],
  ] as const) {
    await load(pool, bytes, name === 'gzip', 1);
    const before = await read(pool);
    const { latenciesMs, elapsedMs } = await load(pool, bytes, name === 'gzip', seconds);
    const after = await read(pool);
    const points = latenciesMs.length * pointsPerRequest;
    const sorted = latenciesMs.toSorted((a, b) => a - b);
    const quantile = (part: number) => (sorted[Math.floor(sorted.length * part)] ?? 0).toFixed(1);
    console.log(
      `${name}: ${Math.round(points / elapsedMs)}k points/s, ` +
        `${(((after.cpuSeconds - before.cpuSeconds) * 1e6) / points).toFixed(2)} us CPU a point, ` +
        `answer ${quantile(0.5)}/${quantile(0.99)} ms (p50/p99), ` +
        `resident ${Math.round(after.residentBytes / 1e6)} MB`,
    );
  }
  await pool.close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function request(): Uint8Array {
  const nowMs = Date.now();
  return encodeMetrics(
    Array.from({ length: pointsPerRequest }, (_, index) => {
      const { attributes } = gauge('', 0);
      const check = `check-${index % 20}`;
      return gauge(`probe.metric.${Math.floor(index / 20)}`, nowMs, {
        attributes: { ...attributes, check },
        value: index / 7,
      });
    }),
  );
}

async function load(
  pool: Pool,
  body: Uint8Array,
  isGzip: boolean,
  forSeconds: number,
): Promise<{ readonly latenciesMs: number[]; readonly elapsedMs: number }> {
  const latenciesMs: number[] = [];
  const begunMs = performance.now();
  const headers = {
    'content-type': 'application/x-protobuf',
    authorization: `Bearer ${key.text}`,
    ...(isGzip ? { 'content-encoding': 'gzip' } : {}),
  };
  const send = async (): Promise<void> => {
    while (performance.now() - begunMs < forSeconds * 1000) {
      const sentMs = performance.now();
      const path = '/v1/metrics';
      const answer = await pool.request({ method: 'POST', path, headers, body });
      await answer.body.dump();
      if (answer.statusCode !== 200) throw new Error(`the answer is ${answer.statusCode}`);
      latenciesMs.push(performance.now() - sentMs);
    }
  };
  await Promise.all(Array.from({ length: connections }, send));
  return { latenciesMs, elapsedMs: performance.now() - begunMs };
}

async function read(pool: Pool): Promise<{ cpuSeconds: number; residentBytes: number }> {
  const answer = await pool.request({ method: 'GET', path: '/metrics' });
  const text = await answer.body.text();
  const value = (name: string): number =>
    Number(new RegExp(`^${name}\\{.*\\} (.+)$`, 'm').exec(text)?.[1]);
  return {
    cpuSeconds: value('process_cpu_seconds_total'),
    residentBytes: value('process_resident_memory_bytes'),
  };
}
