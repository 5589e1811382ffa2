import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openHistory } from '../../../support/collector/history.ts';

const writer = join(import.meta.dirname, '../../../programs/history-writer.ts');

let dataDirectory: string;
beforeEach(async () => {
  dataDirectory = await mkdtemp(join(tmpdir(), 'farpoint-crash-'));
});
afterEach(() => rm(dataDirectory, { recursive: true }));

test('what was delivered is there after kill -9, five times over', async () => {
  const delivered: number[] = [];
  let nextUnixMs = Date.now();
  for (let round = 0; round < 5; round += 1) {
    const child = spawn(process.execPath, [writer, dataDirectory, String(nextUnixMs)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    let lines = 0;
    for await (const line of createInterface(child.stdout)) {
      delivered.push(Number(line));
      lines += 1;
      if (lines === 20 + round * 7) child.kill('SIGKILL');
    }
    await exited;
    nextUnixMs = (delivered.at(-1) ?? nextUnixMs) + 1;
  }
  await using history = await openHistory(dataDirectory);
  const runs = await history.selectRuns({
    fromUnixMs: 0,
    toUnixMs: nextUnixMs + 60_000,
    limit: 1_000_000,
  });
  const kept = new Set(runs.map(({ unixMs }) => unixMs));
  expect(delivered.length).toBeGreaterThan(100);
  expect(delivered.filter((unixMs) => !kept.has(unixMs))).toEqual([]);
  expect(kept.size).toBe(runs.length);
  using file = new DatabaseSync(join(dataDirectory, 'history', 'page.db'), { readOnly: true });
  expect(file.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
});
