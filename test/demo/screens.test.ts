import { expect, test } from 'vitest';
import { type Cell } from '#demo/collector';
import { lineScreen } from '#demo/screens';

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
