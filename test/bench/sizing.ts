/**
 * What a run takes on its way: in an agent's outbox while the collector is away, in the collector's queue
 * while a backend is away, in the history, and in VictoriaMetrics; and what a thousand targets take of
 * an agent's memory. Real programs, real HTTP checks on loopback, as many a second as of 1,000 targets
 * every 30 s: how many share a record or a request decides what each of them takes.
 *
 *     node test/bench/sizing.ts [SECONDS] [PROGRAM]
 *
 * PROGRAM is the farpoint.js to start, by default that of this checkout, whose TypeScript takes more
 * memory than what users install.
 */
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { readAgentStatus } from '#lib/agent-status';
import { newKey } from '#lib/key';
import { eventually } from '../support/eventually.ts';
import { Farpoint, program } from '../support/farpoint.ts';
import { freePort, startVictoriaMetrics } from '../support/servers/real-servers.ts';
import { serveHttp } from '../support/servers/serve.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const [seconds = '20', chosen = program] = process.argv.slice(2);
const targets = 100;
let probes = 0;

using folder = temporaryFolder();
await using site = await serveHttp((_, response) => {
  probes += 1;
  response.end('0123456789'.repeat(100));
});
await using backend = await startVictoriaMetrics();
const port = await freePort();
const key = newKey('eu');
writeFileSync(join(folder.path, 'collector.yaml'), collectorConfiguration());

await fillOutbox();
await deliver();
console.log(`history: ${perRun(sizeOf(join(folder.path, 'collector', 'history')))} bytes a run`);
await measureBackend();
await measureMemory();

/** Runs checks while no collector is there. */
async function fillOutbox(): Promise<void> {
  await runAgent();
  const { blocks = 0, bytes = 0 } =
    (await readAgentStatus(join(folder.path, 'agent')))?.outbox ?? {};
  console.log(`outbox: ${perRun(bytes)} bytes a run (${probes} runs in ${blocks} records)`);
}

/** Lets a collector have what waits, then what comes while it is there. */
async function deliver(): Promise<void> {
  await using collector = start('collector');
  await eventually('the collector to be ready', () => collector.output.includes('is ready'));
  writeAgentConfiguration(targets, '1h', '90ms');
  await using agent = start('agent');
  await eventually('the outbox to be empty', async () => {
    return (await readAgentStatus(join(folder.path, 'agent')))?.outbox.blocks === 0;
  });
  await agent.stop();
  const backlog = { runs: probes, bytes: await queuedBytes() };
  await runAgent();
  const live = { runs: probes - backlog.runs, bytes: (await queuedBytes()) - backlog.bytes };
  for (const [name, { runs, bytes }] of Object.entries({ backlog, live })) {
    console.log(`collector's queue, ${name}: ${Math.round(bytes / runs)} bytes a run`);
  }
}

async function runAgent(): Promise<void> {
  writeAgentConfiguration(targets, '3s', '2s');
  await using agent = start('agent');
  await delay(Number(seconds) * 1000);
  await agent.stop();
}

/** Of the sink that is away, once the other one has everything. */
function queuedBytes(): Promise<number> {
  return eventually('the backend to have it', async () => {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    if (!/^farpoint_queue_blocks\{[^}]*sink="backend"[^}]*\} 0$/m.test(text)) return undefined;
    return Number(/^farpoint_queue_bytes\{[^}]*sink="away"[^}]*\} (\S+)$/m.exec(text)?.[1]);
  });
}

function perRun(amount: number): number {
  return Math.round(amount / probes);
}

async function measureBackend(): Promise<void> {
  await fetch(`${backend.url}/internal/force_flush`);
  await fetch(`${backend.url}/internal/force_merge`);
  await delay(3000);
  const text = await (await fetch(`${backend.url}/metrics`)).text();
  const sum = (pattern: RegExp): number =>
    [...text.matchAll(pattern)].reduce((total, [, value]) => total + Number(value), 0);
  const stored = sum(/^vm_rows\{type="storage\/[^}]*\} (\S+)$/gm);
  const samples = sum(/^vm_rows_inserted_total\{type="promremotewrite"\} (\S+)$/gm);
  const bytes = sum(/^vm_data_size_bytes\{type="storage\/[^}]*\} (\S+)$/gm);
  const index = sum(/^vm_data_size_bytes\{type="indexdb[^}]*\} (\S+)$/gm);
  const series = sum(/^vm_new_timeseries_created_total (\S+)$/gm);
  console.log(
    `VictoriaMetrics: ${(samples / probes).toFixed(1)} samples and ${perRun((bytes / stored) * samples)} bytes a run, ` +
      `${(bytes / stored).toFixed(2)} bytes a sample, ${Math.round(series / targets)} series a target, ${Math.round(index / series)} bytes of index a series`,
  );
}

async function measureMemory(): Promise<void> {
  const sizes: number[] = [];
  for (const count of [100, 2100]) {
    writeAgentConfiguration(count, '30s', '10s');
    await using agent = start('agent');
    await delay(35_000);
    sizes.push(residentMb(agent.pid ?? 0));
  }
  const [few = 0, many = 0] = sizes;
  console.log(
    `agent, http checks every 30 s, collector away: ${Math.round(few)} MB with 100 targets, ${Math.round(many)} MB with 2,100: ` +
      `${Math.round((many - few) / 2)} MB for 1,000`,
  );
}

function start(command: 'agent' | 'collector'): Farpoint {
  const file = join(folder.path, `${command}.yaml`);
  return Farpoint.startOther([process.execPath, chosen, command, '-c', file], {
    NODE_ENV: 'production',
    NODE_COMPILE_CACHE: join(folder.path, 'cache'),
  });
}

function writeAgentConfiguration(count: number, every: string, timeout: string): void {
  const pages = Array.from({ length: count }, (_, index) => `'${site.url}page-${index}'`);
  const text = `version: 1
agent: { region: eu, data: '${join(folder.path, 'agent')}' }
collector: { urls: ['http://127.0.0.1:${port}'], key: '${key.text}' }
log: { level: error }
regions: [eu]
checks: [{ name: page, type: http, service: shop, targets: [${pages.join(', ')}], every: ${every}, timeout: ${timeout} }]
`;
  writeFileSync(join(folder.path, 'agent.yaml'), text);
}

function collectorConfiguration(): string {
  return `version: 1
listen: 127.0.0.1:${port}
data: ${join(folder.path, 'collector')}
keys: [{ id: ${key.id}, sha256: ${key.sha256}, agents: [eu], regions: [eu] }]
sinks:
  - { name: away, type: prometheus, url: 'http://127.0.0.1:1/' }
  - { name: backend, type: prometheus, url: '${backend.url}/api/v1/write' }
  - { name: page, type: history }
`;
}

/** Of all files in a folder, in bytes. */
function sizeOf(directory: string): number {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

function residentMb(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) / 1000;
}
