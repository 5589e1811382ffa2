import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { parseLogFormat } from '#checks/log/parser/format';
import { LogReader } from '#checks/log/reader';
import type { ReaderSettings } from '#checks/log/reader-settings';
import type { LogReading } from '#checks/log/reading';
import type { LogState } from '#checks/log/state';
import type { Observation } from '#lib/observation';
import { valuesOf } from '#test/support/checks/run-check';
import { FollowedLog, logLine } from '#test/support/log/followed-log';
import { runSchedule } from '#test/support/log/schedule';
import { losslessRotations, lossyRotations } from '#test/support/log/world';

/** test/campaign/log.ts runs more of the same. */
const schedulesEach = 100;
const seed = 1;
/** They take two seconds where nothing else is going on. */
const timeoutMs = 120_000;

describe('every line is accounted for', () => {
  it.each(losslessRotations)(
    'exactly once: %s',
    async (rotation) => {
      expect(await violations(rotation)).toEqual([]);
    },
    timeoutMs,
  );
});

describe('no line is counted twice, and no more reported lost than was', () => {
  it.each(lossyRotations)(
    '%s',
    async (rotation) => {
      expect(await violations(rotation)).toEqual([]);
    },
    timeoutMs,
  );
});

it('reads a long backlog in several runs, each as long as it may', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'farpoint-log-'));
  const target = join(folder, 'access.log');
  writeFileSync(target, '192.0.2.1 200\n'.repeat(1_000_000));
  using reader = new LogReader({ ...backlogSettings, target });
  let state: LogState | undefined;
  let parsed = 0;
  let runs = 0;
  for (let backlogBytes = 1; backlogBytes > 0 && runs < 10_000; runs++) {
    const order = { state, nowMs: Date.now(), budgetMs: 10, careful: false };
    const reading = await reader.read(order, new AbortController().signal);
    ({ state, backlogBytes } = reading);
    parsed += reading.gains.lines.parsed;
  }
  rmSync(folder, { recursive: true });
  expect(parsed).toBe(1_000_000);
  expect(runs).toBeGreaterThan(2);
});

it('reads a compressed file that takes longer than a run to unpack, while the log goes on', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'farpoint-log-'));
  const target = join(folder, 'access.log');
  writeFileSync(target, '192.0.2.1 200\n');
  using reader = new LogReader({ ...backlogSettings, target, start: 'end' });
  const read = async (state: LogState | undefined, budgetMs: number): Promise<LogReading> => {
    appendFileSync(target, '192.0.2.1 200\n');
    const order = { state, nowMs: Date.now(), budgetMs, careful: false };
    return reader.read(order, new AbortController().signal);
  };
  let { state } = await read(undefined, 1000);
  writeFileSync(`${target}.2.gz`, gzipSync('2001:db8::1 404\n'.repeat(1_000_000), { level: 1 }));
  let parsed = 0;
  let runs = 0;
  for (; parsed < 1_000_000 + runs && runs < 2000; runs++) {
    const reading = await read(state, 5);
    ({ state } = reading);
    parsed += reading.gains.lines.parsed;
  }
  rmSync(folder, { recursive: true });
  expect(parsed).toBe(1_000_000 + runs);
  expect(runs).toBeGreaterThan(2);
});

it('does not take a compressed file for a copy because the log starts the same', async () => {
  await using followed = new FollowedLog({ start: 'beginning' });
  writeFileSync(followed.path, logLine().slice(0, 50));
  expect(parsedOf(await followed.run())).toBe(0);
  writeFileSync(`${followed.path}.1.gz`, gzipSync(logLine().repeat(3)));
  expect(parsedOf(await followed.run())).toBe(3);
  appendFileSync(followed.path, logLine().slice(50));
  expect(parsedOf(await followed.run())).toBe(1);
});

describe('the very first run', () => {
  const rotate = ({ path }: FollowedLog): void => {
    writeFileSync(`${path}.3.gz`, gzipSync(logLine({ age: 9000 }).repeat(4)));
    writeFileSync(`${path}.2.gz`, gzipSync(logLine({ age: 8000 }).repeat(2)));
    writeFileSync(`${path}.2`, logLine({ age: 8000 }).repeat(2));
    writeFileSync(`${path}.1`, logLine({ age: 7000 }));
  };

  it('reads what was rotated before it too, where it starts at the beginning', async () => {
    await using followed = new FollowedLog({ start: 'beginning', expect: { silence: '1h' } });
    rotate(followed);
    writeFileSync(followed.path, logLine());
    const first = await followed.run();
    expect(parsedOf(first)).toBe(4 + 2 + 1 + 1);
    expect(valuesOf(first)).toMatchObject({ 'log.quiet': 0, 'log.lag': 0 });
    expect(parsedOf(await followed.run())).toBe(0);
  });

  it('leaves it alone otherwise, also when a restart follows', async () => {
    await using followed = new FollowedLog();
    rotate(followed);
    writeFileSync(followed.path, logLine());
    expect(parsedOf(await followed.run())).toBe(0);
    await followed.restart();
    appendFileSync(followed.path, logLine());
    expect(parsedOf(await followed.run())).toBe(1);
  });
});

it('is not silent because it catches up with what is old', async () => {
  await using followed = new FollowedLog({ start: 'beginning', expect: { silence: '1h' } });
  writeFileSync(followed.path, logLine());
  await followed.run();
  writeFileSync(`${followed.path}.2.gz`, gzipSync(logLine({ age: 9000 })));
  const observation = await followed.run();
  expect(parsedOf(observation)).toBe(1);
  expect(observation.verdict).toEqual({ status: 'up' });
});

function parsedOf(observation: Observation): unknown {
  return valuesOf(observation)['log.lines{outcome=parsed}'];
}

const backlogSettings: Omit<ReaderSettings, 'target'> = {
  rotated: [],
  format: parseLogFormat('$remote_addr $status'),
  routes: [],
  values: [],
  start: 'beginning',
  lineBytesMax: 1000,
  clientsMax: 10,
  windowMs: 60_000,
  missingGraceMs: 0,
  sliceBytes: 1000,
};

async function violations(rotation: Parameters<typeof runSchedule>[0]): Promise<string[]> {
  const found: string[] = [];
  for (let index = 0; index < schedulesEach; index++) {
    for (const violation of await runSchedule(rotation, seed + index)) {
      found.push(`seed ${seed + index}: ${violation}`);
    }
  }
  return found;
}
