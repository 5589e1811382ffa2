/**
 * The http check against blackbox_exporter and curl, over the same nginx on loopback: CPU for a probe,
 * accuracy of the total time, and what two hundred probes at the same instant do to each other.
 *
 *     node test/bench/http.ts [cpu|accuracy|burst|spread …]
 */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Pool } from 'undici';
import { Gate, passes } from '#agent/runs/gate';
import type { Check } from '#checks/check';
import { http } from '#checks/http';
import { services } from '../support/checks/run-check.ts';
import { certify } from '../support/servers/certificates.ts';
import { freePort, startBlackboxExporter, startNginx } from '../support/servers/real-servers.ts';

const wanted = process.argv.slice(2);
const run = promisify(execFile);
const ticksASecond = 100;

const root = certify({ name: 'Bench root', authority: true });
const identity = certify({ name: 'service', hosts: ['localhost', '127.0.0.1'], issuer: root });
const securePort = await freePort();
/** From the Debian package libnginx-mod-http-echo: a page that takes 50 ms and next to no CPU. */
const modules = ['/usr/lib/nginx/modules/ngx_http_echo_module.so'];
const pageMs = 50;
await using nginx = await startNginx(
  ({ port, directory }) => {
    writeFileSync(join(directory, 'cert.pem'), identity.certificate);
    writeFileSync(join(directory, 'key.pem'), identity.key);
    writeFileSync(join(directory, 'ca.pem'), root.certificate);
    writeFileSync(join(directory, 'small'), Buffer.alloc(1024, 'x'));
    writeFileSync(join(directory, 'large'), Buffer.alloc(1024 * 1024, 'x'));
    return `access_log off; root ${directory}; ssl_certificate cert.pem; ssl_certificate_key key.pem;
    ssl_session_cache off;
    server { listen 127.0.0.1:${port} backlog=1024; listen 127.0.0.1:${securePort} ssl backlog=1024;
      location = / { return 200; }
      location = /sleep { echo_sleep ${pageMs / 1000}; echo fine; } }`;
  },
  { modules },
);
const ca = join(nginx.directory, 'ca.pem');
await using blackbox = await startBlackboxExporter(
  `  probe: { prober: http, timeout: 10s, http: { preferred_ip_protocol: ip4, tls_config: { ca_file: ${ca} } } }\n`,
);
const scrapes = new Pool(blackbox.url, { connections: 256 });
const plain = `http://127.0.0.1:${nginx.port}`;
const secure = `https://127.0.0.1:${securePort}`;

/** Probes once; resolves with the total time as the prober reports it. */
type Prober = () => Promise<number>;

if (wants('cpu')) await measureCpu();
if (wants('accuracy')) await measureAccuracy();
if (wants('burst') || wants('spread')) await measureLoad();
await scrapes.close();

async function measureCpu(): Promise<void> {
  console.log('CPU of the prober for one probe, in us (ours, blackbox_exporter, ratio)');
  for (const target of [`${plain}/small`, `${secure}/small`, `${plain}/large`, `${secure}/large`]) {
    const ours: number[] = [];
    const theirs: number[] = [];
    const probe = await prober(target);
    for (let round = 0; round < 3; round += 1) {
      ours.push(await cpuOf(probe, 8, () => cpuMicroseconds(process.pid)));
      theirs.push(await cpuOf(blackboxProber(target), 4, () => cpuMicroseconds(blackbox.pid ?? 0)));
    }
    const [mine, its] = [quantile(ours, 0.5), quantile(theirs, 0.5)];
    console.log(
      `  ${label(target)}: ${mine.toFixed(0)}, ${its.toFixed(0)}, ${(mine / its).toFixed(2)}`,
    );
  }
}

async function cpuOf(probe: Prober, concurrency: number, cpu: () => number): Promise<number> {
  await closedLoop(probe, concurrency, 300);
  const before = cpu();
  const count = await closedLoop(probe, concurrency, 2500);
  return (cpu() - before) / count;
}

async function measureAccuracy(): Promise<void> {
  console.log('Total time less that of curl to the same page, in ms (median, p99 of each)');
  for (const target of [`${plain}/small`, `${secure}/small`]) {
    const probe = await prober(target);
    const mine: number[] = [];
    const curl: number[] = [];
    for (let second = 0; second < 20; second += 1) {
      mine.push(await probe());
      await sleep(500);
      curl.push(await curlProber(target)());
      await sleep(500);
    }
    print(`1/s ${label(target)}`, mine, curl);
    print(
      `200 at once ${label(target)}`,
      await burst(await gated(target)),
      await burst(curlProber(target)),
    );
  }
}

async function measureLoad(): Promise<void> {
  console.log(`Total time beyond the ${pageMs} ms the page takes, in ms (p50/p99)`);
  for (const target of [`${plain}/sleep`, `${secure}/sleep`]) {
    const probers = { ours: await gated(target), blackbox: blackboxProber(target) };
    for (const [name, probe] of Object.entries(probers)) {
      for (let warm = 0; warm < 20; warm += 1) await probe();
      if (wants('burst')) {
        const totals: number[] = [];
        for (let round = 0; round < 5; round += 1) {
          totals.push(...(await burst(probe)));
          await sleep(1000);
        }
        show(`200 at once, ${label(target)}, ${name}`, totals);
      }
      if (wants('spread')) show(`200 a second, ${label(target)}, ${name}`, await spread(probe));
    }
  }
}

/** The check, run through the agent's gate: its clock starts when it is admitted. */
async function gated(target: string): Promise<Prober> {
  const gate = new Gate(passes, services.clock);
  const check = await createCheck(target);
  return async () => {
    const leave = await gate.enter(AbortSignal.timeout(60_000));
    try {
      return await probeOnce(check, leave);
    } finally {
      leave();
    }
  };
}

async function prober(target: string): Promise<Prober> {
  const check = await createCheck(target);
  return () => probeOnce(check, () => undefined);
}

function createCheck(target: string): Promise<Check> {
  const settings = http.settings.parse({ tls: { ca } });
  return http.create({ name: 'bench', target, settings, timeoutMs: 10_000 }, services);
}

async function probeOnce(check: Check, waiting: () => void): Promise<number> {
  const signal = new AbortController().signal;
  const { verdict, durationMs } = await check.run({ signal, state: undefined, waiting });
  if (verdict.status !== 'up') throw new Error(verdict.message);
  return durationMs ?? Number.NaN;
}

function blackboxProber(target: string): Prober {
  const path = `/probe?module=probe&target=${encodeURIComponent(target)}`;
  return async () => {
    const { body } = await scrapes.request({ path, method: 'GET' });
    const text = await body.text();
    if (!text.includes('probe_success 1')) throw new Error('blackbox_exporter says down');
    return Number(/^probe_duration_seconds (\S+)$/m.exec(text)?.[1]) * 1000;
  };
}

function curlProber(target: string): Prober {
  const options = ['--cacert', ca, '-s', '-o', '/dev/null', '-w', '%{time_total}', target];
  return async () => Number((await run('curl', options)).stdout) * 1000;
}

function burst(probe: Prober): Promise<number[]> {
  return Promise.all(Array.from({ length: 200 }, probe));
}

async function spread(probe: Prober): Promise<number[]> {
  const start = performance.now();
  const totals: Promise<number>[] = [];
  for (let count = 0; count < 1200; count += 1) {
    totals.push(probe());
    await sleep(Math.max(0, start + count * 5 - performance.now()));
  }
  return Promise.all(totals);
}

/** How many probes one after the other in each of several lanes got done. */
async function closedLoop(probe: Prober, concurrency: number, ms: number): Promise<number> {
  const end = performance.now() + ms;
  let count = 0;
  const lane = async (): Promise<void> => {
    while (performance.now() < end) {
      await probe();
      count += 1;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
  return count;
}

function cpuMicroseconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return ((Number(fields[11]) + Number(fields[12])) / ticksASecond) * 1e6;
}

function print(title: string, mine: readonly number[], curl: readonly number[]): void {
  const difference = quantile(mine, 0.5) - quantile(curl, 0.5);
  const each = [mine, curl].map(
    (all) => `${quantile(all, 0.5).toFixed(2)}/${quantile(all, 0.99).toFixed(2)}`,
  );
  console.log(`  ${title}: ${difference.toFixed(2)} (ours ${each[0]}, curl ${each[1]}; p50/p99)`);
}

function show(title: string, totals: readonly number[]): void {
  const beyond = totals.map((ms) => ms - pageMs);
  console.log(
    `  ${title}: ${quantile(beyond, 0.5).toFixed(2)}/${quantile(beyond, 0.99).toFixed(2)}`,
  );
}

function label(target: string): string {
  const url = new URL(target);
  return `${url.protocol}${url.pathname === '/' ? '' : url.pathname}`;
}

function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

function wants(part: string): boolean {
  return wanted.length === 0 || wanted.includes(part);
}
