import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { history, type HistorySink } from '#collector/sinks/history';
import type { Batch } from '#collector/sinks/sink';
import type { Verdict } from '#lib/observation';
import { type Backend, testSinkContract } from '../../contract/sink.ts';
import { ManualClock } from '../../support/clocks/manual-clock.ts';
import { batchOf, openHistory, runAt } from '../../support/collector/history.ts';
import { SmallDisk } from '../../support/disks/small-disk.ts';
import { needs } from '../../support/needs.ts';
import { gauge } from '../../support/otlp/points.ts';

testSinkContract({
  type: history,
  open: (dataDirectory) => Promise.resolve(new HistoryFile(dataDirectory)),
  // Beyond what an integer of SQLite can hold.
  poison: gauge('probe.valid.until.timestamp', Date.now(), { value: 1e30 }),
});

const second = 1000;
const now = Date.now();
const up: Verdict = { status: 'up' };
const down: Verdict = { status: 'down', error: 'connect_refused', message: 'port 443 is closed' };
const unknown: Verdict = { status: 'unknown', error: 'agent_no_network', message: 'no route' };

let dataDirectory: string;
beforeEach(async () => {
  dataDirectory = await mkdtemp(join(tmpdir(), 'farpoint-history-'));
});
afterEach(() => rm(dataDirectory, { recursive: true }));

describe('history', () => {
  test('knows of each run what the agent said of it', async () => {
    await using sink = await open();
    await deliver(sink, batchOf([runAt(now - 20 * second, up), runAt(now - 10 * second, down)]));
    const runs = await sink.selectRuns({ fromUnixMs: 0, toUnixMs: now, limit: 10 });
    expect(runs).toEqual([
      {
        check: 'home',
        type: 'http',
        service: 'clowder',
        target: 'https://clowder.example.org/',
        region: 'eu-west',
        agent: 'eu-west-1',
        unixMs: now - 20 * second,
        verdict: 'up',
        durationMs: 125,
        errorType: null,
        message: null,
        run: null,
        facts: {},
      },
      expect.objectContaining({
        unixMs: now - 10 * second,
        verdict: 'down',
        durationMs: 125,
        errorType: 'connect_refused',
        message: 'port 443 is closed',
        run: `run-${now - 10 * second}`,
        facts: { address: '192.0.2.7', attempts: 1 },
      }),
    ]);
  });

  test('keeps a run once, however often and in however many pieces it comes', async () => {
    await using sink = await open();
    const { points, logs } = batchOf([runAt(now - 10 * second, down)]);
    for (const point of points) await deliver(sink, { points: [point], logs: [] });
    for (const log of logs) await deliver(sink, { points: [], logs: [log] });
    await deliver(sink, { points, logs });
    const runs = await sink.selectRuns({ fromUnixMs: 0, toUnixMs: now, limit: 10 });
    expect(runs).toHaveLength(1);
    expect(runs[0]).toMatchObject({ verdict: 'down', message: 'port 443 is closed' });
  });

  test('shows a verdict together with its reason, which comes first', async () => {
    await using sink = await open();
    const { points, logs } = batchOf([runAt(now - 10 * second, down)]);
    await deliver(sink, { points: [], logs });
    expect(await sink.selectTargets(targetsQuery)).toEqual([]);
    expect(await sink.selectRuns({ fromUnixMs: 0, toUnixMs: now, limit: 10 })).toEqual([]);
    await deliver(sink, { points, logs: [] });
    const [state] = await sink.selectTargets(targetsQuery);
    expect(state).toMatchObject({
      verdict: 'down',
      errorType: 'connect_refused',
      message: 'port 443 is closed',
    });
  });

  test('shows the state of each target, with how long it was up and how much is known', async () => {
    await using sink = await open();
    const states = [up, up, down, unknown, up];
    await deliver(
      sink,
      batchOf(states.map((verdict, index) => runAt(now - (5 - index) * 10 * second, verdict))),
    );
    const [state] = await sink.selectTargets(targetsQuery);
    expect(state).toMatchObject({
      check: 'home',
      region: 'eu-west',
      labels: { environment: 'test', team: 'web' },
      verdict: 'up',
      errorType: null,
      message: 'up, was unknown',
      unixMs: now - 10 * second,
      validUntilUnixMs: now + 5 * second,
      runs: states.map(({ status }, index) => ({
        verdict: status,
        unixMs: now - (5 - index) * 10 * second,
        durationMs: 125,
      })),
    });
    // 40 s known, of them 30 s up; 10 s unknown.
    expect(state?.uptime).toBeCloseTo(0.75, 9);
    expect(state?.coverage).toBeCloseTo(0.8, 9);
  });

  test('silence is neither up nor down: a verdict holds no longer than it is valid', async () => {
    await using sink = await open();
    await deliver(sink, batchOf([runAt(now - 100 * second, up), runAt(now - 10 * second, down)]));
    const [state] = await sink.selectTargets(targetsQuery);
    // Valid for 15 s each: 15 s up, 75 s unknown, 10 s down.
    expect(state?.uptime).toBeCloseTo(15 / 25, 9);
    expect(state?.coverage).toBeCloseTo(0.25, 9);
  });

  test('selects by check, target, region and time, the newest where there are too many', async () => {
    await using sink = await open();
    const times = Array.from({ length: 20 }, (_, index) => now - (20 - index) * second);
    await deliver(sink, batchOf(times.map((time) => runAt(time, up))));
    await deliver(sink, batchOf(times.map((time) => runAt(time, down, { region: 'us-east' }))));
    const selected = await sink.selectRuns({
      check: 'home',
      target: 'https://clowder.example.org/',
      region: 'us-east',
      fromUnixMs: times[5] ?? 0,
      toUnixMs: times[15] ?? 0,
      limit: 3,
    });
    expect(selected.map(({ unixMs, region }) => [unixMs, region])).toEqual(
      times.slice(12, 15).map((time) => [time, 'us-east']),
    );
    expect(await sink.selectTargets({ ...targetsQuery, region: 'us-east' })).toHaveLength(1);
    expect(await sink.selectTargets({ ...targetsQuery, check: 'away' })).toEqual([]);
  });

  test('forgets runs after their time, and targets that have none left', async () => {
    await using sink = await open({ retention: { raw: '1h' } });
    await deliver(sink, batchOf([runAt(now - 7_200 * second, up, { region: 'us-east' })]));
    await deliver(sink, batchOf([runAt(now - second, up)]));
    const targets = await sink.selectTargets(targetsQuery);
    expect(targets.map(({ region }) => region)).toEqual(['eu-west']);
  });

  test('goes on to forget after the clock was put back', async () => {
    const clock = new ManualClock(now);
    await using sink = await openHistory(dataDirectory, { retention: { raw: '1h' } }, clock);
    await deliver(sink, batchOf([runAt(now, up)]));
    clock.step(-86_400 * second);
    await clock.advance(120 * second);
    const old = runAt(clock.unixMs() - 7_200 * second, up, { region: 'us-east' });
    await deliver(sink, batchOf([old]));
    const targets = await sink.selectTargets(targetsQuery);
    expect(targets.map(({ region }) => region)).toEqual(['eu-west']);
  });

  test('what others post is no run', async () => {
    await using sink = await open();
    await deliver(sink, {
      points: [gauge('probe.verdict', now, { attributes: { verdict: 'up' } }), gauge('cpu', now)],
      logs: [],
    });
    expect(await sink.selectTargets(targetsQuery)).toEqual([]);
  });

  test('refuses a file of a newer version by name, and leaves it as it is', async () => {
    await (await open())[Symbol.asyncDispose]();
    const path = join(dataDirectory, 'history', 'page.db');
    const newer = new DatabaseSync(path);
    newer.exec('PRAGMA user_version = 2');
    newer.close();
    await expect(open()).rejects.toThrow(`cannot keep history in ${path}: it has format 2`);
    using file = new DatabaseSync(path);
    expect(file.prepare('PRAGMA user_version').get()).toMatchObject({ user_version: 2 });
  });

  test('refuses a file that is no database, and leaves it as it is', async () => {
    const path = join(dataDirectory, 'history', 'page.db');
    await mkdir(join(dataDirectory, 'history'));
    await writeFile(path, 'dear diary '.repeat(1000));
    await expect(open()).rejects.toThrow(`cannot keep history in ${path}: file is not a database`);
    expect(await readFile(path, 'utf8')).toBe('dear diary '.repeat(1000));
  });

  test("refuses another program's database", async () => {
    await (await open())[Symbol.asyncDispose]();
    const path = join(dataDirectory, 'history', 'page.db');
    const other = new DatabaseSync(path);
    other.exec('PRAGMA application_id = 7');
    other.close();
    await expect(open()).rejects.toThrow(`cannot keep history in ${path}: it is another program's`);
  });
});

const targetsQuery = { nowUnixMs: now, windowMs: 3_600_000, runs: 30, limit: 100 };

function open(settings: object = {}): Promise<HistorySink> {
  return openHistory(dataDirectory, settings);
}

async function deliver(sink: HistorySink, batch: Batch): Promise<void> {
  expect(await sink.deliver(batch)).toEqual({ kind: 'delivered' });
}

/** An outage of SQLite: somebody else holds the file. */
class HistoryFile implements Backend {
  readonly settings = {};
  readonly #path: string;
  #lock: DatabaseSync | undefined;

  constructor(directory: string) {
    this.#path = join(directory, 'history', 'tested.db');
  }

  breakDown(): Promise<void> {
    this.#lock = new DatabaseSync(this.#path);
    this.#lock.exec('BEGIN IMMEDIATE');
    return Promise.resolve();
  }

  restore(): Promise<void> {
    this.#lock?.close();
    this.#lock = undefined;
    return Promise.resolve();
  }

  verdicts(): Promise<readonly number[]> {
    using database = new DatabaseSync(this.#path, { readOnly: true });
    const rows = database
      .prepare('SELECT time FROM runs WHERE verdict IS NOT NULL ORDER BY time')
      .all();
    return Promise.resolve(rows.map(({ time }) => Number(time)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.restore();
  }
}

needs('root', 'linux')('on a full disk', () => {
  test('it waits for room, with what it had, and holds up nobody', async () => {
    using disk = new SmallDisk(4096);
    const runs = { fromUnixMs: 0, toUnixMs: now, limit: 10 };
    {
      await using sink = await openHistory(disk.directory);
      await deliver(sink, batchOf([runAt(now - 20 * second, up)]));
    }
    disk.fill();
    await using sink = await openHistory(disk.directory);
    const batch = batchOf([runAt(now - 10 * second, down)]);
    for (let attempt = 0; attempt < 3; attempt += 1)
      expect(await sink.deliver(batch)).toMatchObject({ kind: 'retry' });
    disk.free();
    await deliver(sink, batch);
    const kept = await sink.selectRuns(runs);
    expect(kept.map(({ verdict }) => verdict)).toEqual(['up', 'down']);
  });
});
