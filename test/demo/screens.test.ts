import { expect, test } from 'vitest';
import type { Cell } from '#demo/collector';
import { actAt } from '#demo/script';
import { lineScreen, tableScreen } from '#demo/screens';

const down: Cell = {
  check: 'page',
  target: 'http://127.0.0.1:1/',
  region: 'eu-west',
  unixMs: 1,
  verdict: 'down',
  errorType: 'connect_refused',
  message: 'port 1 is closed',
  durationMs: 1,
  validUntilUnixMs: null,
  runs: [],
  uptime: 0,
};

test('a line says what is known of the reason, and nothing that is not', () => {
  const lines: string[] = [];
  const screen = lineScreen((text) => lines.push(text));
  for (const cell of [
    down,
    { ...down, message: null },
    { ...down, errorType: null, message: null },
  ])
    screen.happened({ kind: 'verdict', elapsedMs: 1000, cell });
  expect(lines).toEqual([
    '   1.0 s  page seen from eu-west is down: connect_refused: port 1 is closed\n',
    '   1.0 s  page seen from eu-west is down: connect_refused\n',
    '   1.0 s  page seen from eu-west is down\n',
  ]);
});

test.each([
  { rows: 24, columns: 80, shown: 6 },
  { rows: 15, columns: 60, shown: 3 },
  { rows: 5, columns: 10, shown: 0 },
  { rows: 0, columns: 0, shown: 6 },
])('a terminal of $columns by $rows never scrolls', ({ rows, columns, shown }) => {
  let drawn = '';
  const terminal = { rows, columns, write: (text: string) => (drawn = text) };
  using screen = tableScreen(terminal, false);
  const cells = ['page', 'download', 'access-log'].map((check) => ({ ...down, check }));
  for (let index = 0; index < 8; index++)
    screen.happened({ kind: 'edit', elapsedMs: index, message: `event ${index}` });
  screen.show({
    act: actAt(0),
    elapsedMs: 0,
    regions: ['eu-west'],
    cells,
    outboxes: [],
    queue: undefined,
    configuration: '/tmp/agent.yaml',
  });
  const lines = drawn.split('\n');
  expect(lines.length).toBeLessThanOrEqual(rows || 24);
  expect(lines[0]).toContain('Farpoint demo');
  expect(lines.filter((line) => line.includes('event '))).toHaveLength(shown);
  expect(drawn.includes('event 7')).toBe(shown > 0);
});
