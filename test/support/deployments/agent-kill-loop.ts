import {
  appendFileSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import type { MetricPoint } from '#lib/otlp/model';
import { eventually } from '../eventually.ts';
import { Farpoint } from '../farpoint.ts';
import { newestSum } from '../otlp/newest.ts';
import { randomFrom } from '../random.ts';
import { RecordingCollector } from '../servers/recording-collector.ts';
import { Memory } from '../servers/remembering-collector.ts';
import { serveHttp } from '../servers/serve.ts';
import { temporaryFolder } from '../temporary-folder.ts';

export interface AgentKillReport {
  readonly kills: number;
  /** Results that arrived. */
  readonly results: number;
  /** What should not be: a gap or a repetition in a series that counts results, or lines. */
  readonly flaws: readonly string[];
  readonly linesWritten: number;
  readonly linesCounted: number;
}

const targets = 10;
const everyMs = 200;
/** More than are rotated away while no agent runs. */
const generations = 200;

/**
 * Kills a real agent with SIGKILL at random moments, `count` times, while it checks ten pages and a log
 * that grows and is rotated, also while no agent runs, and while its collector now and then is busy or
 * loses answers. At the end everything is delivered. Every target counts its completed runs in the
 * record of the result itself: so the counts that arrive must be 1, 2, 3… without a gap or a
 * repetition, the lines counted those written, and every moment at which a run was due must be booked
 * once, also those at which no agent was there.
 */
export async function agentKillLoop(count: number, seed: number): Promise<AgentKillReport> {
  const random = randomFrom(seed);
  using folder = temporaryFolder();
  const logFile = join(folder.path, 'access.log');
  writeFileSync(logFile, '');
  await using site = await serveHttp((_, response) => response.end('fine'));
  const memory = new Memory(() => {
    const chance = random();
    if (chance < 0.1) return 'busy';
    return chance < 0.2 ? 'lost answer' : 'none';
  });
  await using collector = await RecordingCollector.start();
  collector.behave = memory.behave;
  const file = join(folder.path, 'agent.yaml');
  writeFileSync(
    file,
    configuration({ folder: folder.path, logFile, site: site.url, collector: collector.url }),
  );
  const log = new GrowingLog(logFile);
  let agent = Farpoint.start(['agent', '-c', file]);
  for (let kill = 0; kill < count; kill += 1) {
    const before = memory.taken.length;
    if (random() < 0.7) await eventually('results', () => memory.taken.length > before, 60_000);
    const endMs = performance.now() + 300 + random() * 900;
    while (performance.now() < endMs) {
      log.grow(Math.floor(random() * 20));
      if (random() < 0.05) log.rotate(random() < 0.5);
      await delay(20);
    }
    await agent.stop('SIGKILL');
    if (random() < 0.5) {
      log.grow(3);
      log.rotate(random() < 0.5);
    }
    agent = Farpoint.start(['agent', '-c', file]);
  }
  await using last = agent;
  const lines = (): number =>
    newestSum(
      memory.taken.flatMap(({ points }) => points),
      'log.lines',
    );
  await eventually('all lines', () => lines() >= log.lines, 60_000).catch(() => undefined);
  const exit = await last.stop('SIGTERM');
  const points = memory.taken.flatMap(({ points }) => points);
  return {
    kills: count,
    results: points.filter(({ name, value }) => name === 'probe.timeout' && value !== undefined)
      .length,
    flaws: [
      ...countingFlaws(points),
      ...bookingFlaws(points),
      ...(exit === 0 ? [] : [`exit ${exit}: ${last.output}`]),
    ],
    linesWritten: log.lines,
    linesCounted: lines(),
  };
}

/** An access log as a web server and logrotate treat it: it grows, is renamed, and older ones are compressed. */
class GrowingLog {
  lines = 0;
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  grow(lines: number): void {
    const from = this.lines;
    this.lines += lines;
    const text = Array.from({ length: lines }, (_, index) => {
      const request = `GET /${from + index} HTTP/1.1`;
      return `192.0.2.1 - - [22/Nov/2026:01:00:00 +0000] "${request}" 200 5 "-" "test"\n`;
    });
    appendFileSync(this.#file, text.join(''));
  }

  /** Renames every generation to the next; with `compress`, the one before the newest becomes a .gz. */
  rotate(compress: boolean): void {
    for (let generation = generations; generation >= 1; generation -= 1) {
      for (const suffix of ['', '.gz']) {
        const from = `${this.#file}.${generation}${suffix}`;
        if (existsSync(from)) renameSync(from, `${this.#file}.${generation + 1}${suffix}`);
      }
    }
    renameSync(this.#file, `${this.#file}.1`);
    writeFileSync(this.#file, '');
    const older = `${this.#file}.2`;
    if (!compress || !existsSync(older)) return;
    writeFileSync(`${older}.gz`, gzipSync(readFileSync(older)));
    rmSync(older);
  }
}

function configuration(places: {
  folder: string;
  logFile: string;
  site: string;
  collector: string;
}): string {
  const pages = Array.from({ length: targets }, (_, index) => `'${places.site}${index}'`);
  return `
version: 1
agent: { region: eu-west, data: '${join(places.folder, 'data')}' }
collector: { urls: ['${places.collector}'] }
log: { level: warn }
regions: [eu-west]
defaults: { every: ${everyMs}ms, timeout: 190ms, service: shop }
checks:
  - { name: page, type: http, targets: [${pages.join(', ')}] }
  - { name: access, type: log, target: '${places.logFile}', start: beginning, format: { preset: nginx-combined } }
`;
}

function valuesBySeries(points: readonly MetricPoint[], metric: string): Map<unknown, number[]> {
  const values = new Map<unknown, number[]>();
  for (const { name, resource, value } of points) {
    if (name !== metric || typeof value !== 'number') continue;
    const target = resource['service.instance.id'];
    values.set(target, [...(values.get(target) ?? []), value]);
  }
  return values;
}

function countingFlaws(points: readonly MetricPoint[]): string[] {
  return [...valuesBySeries(points, 'farpoint.runs.completed')].flatMap(([target, values]) =>
    values.flatMap((value, index) =>
      value === index + 1 ? [] : [`${String(target)}: result ${index + 1} counts ${value}`],
    ),
  );
}

/** What the newest points say of runs must be as many as were due, no less and no more. */
function bookingFlaws(points: readonly MetricPoint[]): string[] {
  const byTarget = Map.groupBy(points, ({ resource }) => resource['service.instance.id']);
  return [...byTarget].flatMap(([target, ofTarget]) => {
    const holds = ofTarget.filter(
      ({ name, value }) => name === 'probe.valid.until.timestamp' && value,
    );
    const [firstDueMs, lastDueMs] = [holds[0], holds.at(-1)].map(
      (hold) => Number(hold?.value) * 1000,
    );
    if (firstDueMs === undefined || lastDueMs === undefined)
      return [`${String(target)}: no result`];
    const scheduled = newestSum(ofTarget, 'farpoint.runs.scheduled');
    const closed =
      newestSum(ofTarget, 'farpoint.runs.completed') + newestSum(ofTarget, 'farpoint.runs.skipped');
    const least = Math.round((lastDueMs - firstDueMs) / everyMs) + 1;
    // After the last result there is a moment to stop in, with runs that were due in it.
    const isAll = scheduled >= least && scheduled < least + 5000 / everyMs;
    return isAll && scheduled === closed
      ? []
      : [`${String(target)}: ${least} or more were due, ${scheduled} scheduled, ${closed} closed`];
  });
}
