/**
 * What reading a log costs everything else: resident memory over a long log with a million different
 * clients, and the time of http checks of a page on loopback, in turns: when nothing else happens, while
 * a log is read at full speed, and beside a thread of the same priority that does nothing but turn. What
 * the last one costs is the kernel's and the machine's, whatever a reader does.
 *
 *     node test/bench/log-load.ts [MIB] [ROUNDS]
 *     node test/bench/log-load.ts read FILE
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Check } from '#checks/check';
import { http } from '#checks/http';
import type { LogState } from '#checks/log/state';
import { LogThread } from '#checks/log/thread';
import { services } from '#test/support/checks/run-check';
import { accessLogSettings, writeAccessLog } from '#test/support/log/access-log';
import { startNginx } from '#test/support/servers/real-servers';

const probesPerTurn = 100;
/** Of the priority that the reading thread gives itself. */
const turn = `
  const thread = require('node:fs').readlinkSync('/proc/thread-self').split('/').at(-1);
  require('node:os').setPriority(Number(thread), 10);
  for (;;);
`;
const never = new AbortController().signal;

if (process.argv[2] === 'read') await read(process.argv[3] ?? '');
else await measure(...process.argv.slice(2).map(Number));

async function measure(mebibytes = 2048, rounds = 10): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'farpoint-bench-'));
  const log = join(folder, 'access.log');
  writeAccessLog(log, mebibytes * 2 ** 20, 1_000_000);
  const reading = [import.meta.filename, 'read', log];
  spawnSync(process.execPath, reading, { stdio: ['ignore', 'inherit', 'inherit'] });
  await compareProbes(log, rounds);
  rmSync(folder, { recursive: true });
}

/** Reads a log in a process of its own, as an agent does, second by second. */
async function read(target: string): Promise<void> {
  await using thread = new LogThread();
  const log = thread.open(accessLogSettings(target, 86_400_000));
  const resident: number[] = [];
  const sampling = setInterval(() => resident.push(process.memoryUsage.rss() / 1e6), 50);
  let state: LogState | undefined;
  let clients = 0;
  for (let backlogBytes = 1; backlogBytes > 0;) {
    const order = { state, nowMs: Date.now(), budgetMs: 1000 };
    const reading = await thread.read(log, order, never);
    ({ state, backlogBytes } = reading);
    clients = reading.recent.clients.count;
  }
  clearInterval(sampling);
  const quarters = [1, 2, 3, 4].map((quarter) => {
    const from = Math.floor(((quarter - 1) * resident.length) / 4);
    return Math.round(Math.max(...resident.slice(from, (quarter * resident.length) / 4)));
  });
  console.log(`resident by quarter of the log: ${quarters.join(', ')} MB; ${clients} clients`);
}

/** What reads does so from the start of the log, again and again. */
async function compareProbes(target: string, rounds: number): Promise<void> {
  await using nginx = await startNginx(
    ({ port }) => `server { listen 127.0.0.1:${port}; location / { return 200 'fine'; } }`,
  );
  const spec = {
    name: 'page',
    target: nginx.url,
    settings: http.settings.parse({}),
    timeoutMs: 5000,
  };
  const check = await http.create(spec, services);
  await using thread = new LogThread();
  const log = thread.open(accessLogSettings(target, 86_400_000));
  await probeTimes(check);
  const times = { alone: [] as number[], reading: [] as number[], turning: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    times.alone.push(...(await probeTimes(check)));
    const over = new AbortController();
    const reading = readUntil(over.signal, thread, log);
    times.reading.push(...(await probeTimes(check)));
    over.abort();
    await reading;
    const turning = new Worker(turn, { eval: true });
    times.turning.push(...(await probeTimes(check)));
    await turning.terminate();
  }
  for (const [name, all] of Object.entries(times)) {
    const sorted = all.sort((a, b) => a - b);
    const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) =>
      (sorted[Math.floor(share * sorted.length)] ?? Number.NaN).toFixed(2),
    );
    console.log(`http checks, ${name.padEnd(7)}: p50 ${p50} ms, p95 ${p95} ms, p99 ${p99} ms`);
  }
  await check[Symbol.asyncDispose]?.();
}

async function readUntil(signal: AbortSignal, thread: LogThread, log: number): Promise<void> {
  while (!signal.aborted) {
    await thread.read(log, { state: undefined, nowMs: Date.now(), budgetMs: 60_000 }, signal);
  }
}

async function probeTimes(check: Check): Promise<number[]> {
  const times: number[] = [];
  for (let probe = 0; probe < probesPerTurn; probe++) {
    const run = { signal: AbortSignal.timeout(5000), state: undefined, waiting: () => undefined };
    const startMs = performance.now();
    const { verdict } = await check.run(run);
    times.push(performance.now() - startMs);
    if (verdict.status !== 'up') throw new Error(JSON.stringify(verdict));
    await delay(10);
  }
  return times;
}
