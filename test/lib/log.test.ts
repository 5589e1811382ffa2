import { expect, test } from 'vitest';
import { createLog, type LogLevel } from '#lib/log';
import { Secret } from '#lib/secret';

function capture(level: LogLevel = 'info') {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  return { lines, log: createLog({ level, fields: { agent: 'eu-west' }, destination }) };
}

test('a line is JSON with time, level in a word, message and fields', () => {
  const { lines, log } = capture();
  log.warn({ pending: 3 }, 'outbox is behind');
  expect(lines).toHaveLength(1);
  const { time, ...rest } = JSON.parse(lines[0]!);
  expect(rest).toEqual({
    level: 'warn',
    agent: 'eu-west',
    pending: 3,
    message: 'outbox is behind',
  });
  expect(new Date(time).toISOString()).toBe(time);
});

test('levels below the chosen one are left out', () => {
  const { lines, log } = capture('warn');
  log.info('quiet');
  log.error('loud');
  expect(lines.map((line) => JSON.parse(line).message)).toEqual(['loud']);
});

test('an error keeps its type, message and cause', () => {
  const { lines, log } = capture();
  log.error({ error: new TypeError('outer', { cause: new Error('inner') }) }, 'failed');
  expect(JSON.parse(lines[0]!).error).toMatchObject({ type: 'TypeError', message: 'outer: inner' });
});

test('credentials stay out, wrapped or under their usual names', () => {
  const { lines, log } = capture();
  log.info(
    {
      key: new Secret('hunter2'),
      deep: { deeper: { secret: new Secret('hunter2') } },
      password: 'hunter2',
      request: { authorization: 'Bearer hunter2', cookie: 'hunter2' },
      headers: { Authorization: 'hunter2' },
    },
    'all of them',
  );
  expect(lines[0]).not.toContain('hunter2');
  expect(lines[0]).toContain('***');
});
