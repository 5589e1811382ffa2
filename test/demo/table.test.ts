import { expect, test } from 'vitest';
import type { Cell } from '#demo/collector';
import { actAt } from '#demo/script';
import { renderTable, type Scene } from '#demo/table';

const run = { unixMs: 1, verdict: 'up', durationMs: 10 } as const;
const up: Cell = {
  check: 'page',
  target: 'http://127.0.0.1:1/',
  region: 'eu-west',
  unixMs: 1,
  verdict: 'up',
  errorType: null,
  message: null,
  durationMs: 10,
  validUntilUnixMs: Date.now() + 60_000,
  runs: [run, { ...run, durationMs: 20 }],
  uptime: 1,
};
const scene: Scene = {
  act: actAt(0),
  elapsedMs: 61_000,
  regions: ['eu-west', 'us-east'],
  cells: [up],
  outboxes: [{ name: 'us-east', blocks: 3, bytes: 2048 }],
  queue: { name: 'history', blocks: 0, bytes: 0 },
  configuration: '/tmp/agent.yaml',
};
const plain = { colour: false, columns: 120 };

test('shows verdict, duration, sparkline and uptime of each region', () => {
  const text = renderTable(scene, plain).join('\n');
  expect(text).toContain('01:01  the service is healthy');
  expect(text).toMatch(/^page\s+● up 10 ms/m);
  expect(text).toMatch(/▄█ 100\.0 % up/);
  expect(text).toMatch(/^outbox\s+3 waiting, 2\.0 KiB/m);
  expect(text).toMatch(/^queue\s+empty/m);
});

test('shows why a target is down', () => {
  const down = { ...up, verdict: 'down', errorType: 'connect_refused', uptime: 0.5 } as const;
  expect(renderTable({ ...scene, cells: [down] }, plain).join('\n')).toMatch(
    /✖ down 10 ms connect_refused/,
  );
});

test('shows nothing of a verdict that is no longer valid', () => {
  const stale = { ...up, validUntilUnixMs: Date.now() - 1 };
  const text = renderTable({ ...scene, cells: [stale] }, plain).join('\n');
  expect(text).toContain('? no fresh result');
  expect(text).not.toContain('● up');
});

test('is never wider than the terminal', () => {
  for (const columns of [60, 80, 200]) {
    const lines = renderTable(scene, { colour: false, columns });
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(
      Math.max(columns, 78),
    );
  }
});
