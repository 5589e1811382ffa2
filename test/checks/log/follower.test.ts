import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseLogFormat } from '#checks/log/format';
import { LogReader } from '#checks/log/log-reader';
import { type ReaderSettings } from '#checks/log/reader-settings';
import { type LogState } from '#checks/log/state';
import { runSchedule } from '#test/support/log-schedule';
import { losslessRotations, lossyRotations } from '#test/support/log-world';

/** test/campaign/log.ts runs more of the same. */
const schedulesEach = 100;
const seed = 1;

describe('every line is accounted for', () => {
  it.each(losslessRotations)('exactly once: %s', async (rotation) => {
    expect(await violations(rotation)).toEqual([]);
  });
});

describe('no line is counted twice, and no more reported lost than was', () => {
  it.each(lossyRotations)('%s', async (rotation) => {
    expect(await violations(rotation)).toEqual([]);
  });
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
