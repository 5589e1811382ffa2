import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { log } from '#checks/log';
import { presets } from '#checks/log/parser/format';
import type { Observation } from '#lib/observation';
import { formatObservations } from '#test/support/checks/formatted-observation';
import { valuesOf } from '#test/support/checks/run-check';
import { FollowedLog, logLine, logTestMs } from '#test/support/log/followed-log';

const timed = `${presets['nginx-combined']} $request_time $upstream_response_time $connection`;
const fromStart = { start: 'beginning' };

describe('a log check', () => {
  it('golden: what it measures', async () => {
    await using followed = new FollowedLog({
      ...fromStart,
      format: { nginx: timed },
      routes: ['/datasets/:id'],
      values: {
        waited: { field: 'upstream_response_time', as: 'histogram', buckets: [0.1, 1], unit: 's' },
        sent: { field: 'body_bytes_sent', as: 'counter', unit: 'By' },
        connection: {},
      },
      expect: { errors: { max: 0.1 } },
    });
    writeFileSync(
      followed.path,
      logLine({ sent: 100, rest: ' 0.012 0.010 7' }) +
        logLine({
          client: '2001:db8::1',
          request: 'POST /datasets/5?x HTTP/2.0',
          status: 503,
          rest: ' 1.5 0.7, 0.7 8',
        }) +
        logLine({ request: 'GET /datasets/6 HTTP/2.0', status: 404, rest: ' 0.120 - 8' }) +
        'no line of an access log\n',
    );
    const first = await followed.run();
    followed.nowMs += 30_000;
    const second = await followed.run();
    await expect(
      formatObservations({ 'three requests': first, 'nothing new': second }),
    ).toMatchFileSnapshot('../golden/log.txt');
  });

  it('starts at the end on the very first run, unless told otherwise', async () => {
    await using followed = new FollowedLog();
    writeFileSync(followed.path, `${logLine()}${logLine()}half a l`);
    expect(linesOf(await followed.run())).toEqual([0, 0, 0]);
    appendFileSync(followed.path, `ine\n${logLine()}`);
    expect(linesOf(await followed.run())).toEqual([1, 1, 0]);
  });

  it('reads the same again when the observation did not reach the disk', async () => {
    await using followed = new FollowedLog(fromStart);
    writeFileSync(followed.path, logLine());
    expect(linesOf(await followed.runInVain())).toEqual([1, 0, 0]);
    expect(linesOf(await followed.run())).toEqual([1, 0, 0]);
    expect(linesOf(await followed.run())).toEqual([0, 0, 0]);
  });

  it('goes on over a rename and a restart', async () => {
    await using followed = new FollowedLog(fromStart);
    writeFileSync(followed.path, logLine());
    await followed.run();
    appendFileSync(followed.path, logLine() + logLine());
    renameSync(followed.path, `${followed.path}.1`);
    writeFileSync(followed.path, logLine({ status: 404 }));
    appendFileSync(`${followed.path}.1`, logLine());
    await followed.restart();
    expect(linesOf(await followed.run())).toEqual([4, 0, 0]);
    expect(linesOf(await followed.run())).toEqual([0, 0, 0]);
  });

  it('catches up over rotated and compressed files after a long time away', async () => {
    await using followed = new FollowedLog(fromStart);
    writeFileSync(followed.path, logLine({ age: 300 }));
    await followed.run();
    await followed.restart();
    const last = Array.from({ length: 3 }, (_, index) => logLine({ age: 200, sent: index })).join(
      '',
    );
    writeFileSync(`${followed.path}.3.gz`, gzipSync(readFileSync(followed.path, 'utf8') + last));
    writeFileSync(
      `${followed.path}.2.gz`,
      gzipSync(logLine({ age: 100, sent: 7 }) + logLine({ age: 90, sent: 8 })),
    );
    renameSync(followed.path, `${followed.path}.1`);
    writeFileSync(`${followed.path}.1`, logLine({ age: 50, sent: 9 }));
    writeFileSync(followed.path, logLine({ sent: 10 }));
    expect(linesOf(await followed.run())).toEqual([3 + 2 + 1 + 1, 0, 0]);
    expect(linesOf(await followed.run())).toEqual([0, 0, 0]);
  });

  it('finds what copytruncate destroyed in the copy', async () => {
    await using followed = new FollowedLog(fromStart);
    writeFileSync(followed.path, logLine({ sent: 1 }));
    await followed.run();
    appendFileSync(followed.path, logLine({ sent: 2 }) + logLine({ sent: 3 }));
    copyFileSync(followed.path, `${followed.path}.1`);
    truncateSync(followed.path);
    appendFileSync(followed.path, logLine({ sent: 4 }));
    const observation = await followed.run();
    expect(linesOf(observation)).toEqual([3, 0, 0]);
    expect(valuesOf(observation)).toMatchObject({ 'log.gaps{cause=truncated}': 0, 'log.lost': 0 });
  });

  it('says so when there is no copy, and how much it knows to be lost', async () => {
    await using followed = new FollowedLog(fromStart);
    writeFileSync(followed.path, `${logLine()}a line that never ended`);
    await followed.run();
    truncateSync(followed.path);
    const gaps = [];
    for (let run = 0; run < 4; run++) gaps.push(valuesOf(await followed.run()));
    expect(gaps.map((values) => values['log.gaps{cause=truncated}'])).toEqual([0, 0, 1, 0]);
    expect(gaps.map((values) => values['log.lost'])).toEqual([0, 0, 23, 0]);
  });

  it('reads on in a file that was moved away or removed while it was open', async () => {
    await using followed = new FollowedLog(fromStart);
    writeFileSync(followed.path, logLine({ sent: 1 }));
    await followed.run();
    appendFileSync(followed.path, logLine({ sent: 2 }));
    unlinkSync(followed.path);
    writeFileSync(followed.path, logLine({ sent: 3 }));
    expect(linesOf(await followed.run())).toEqual([2, 0, 0]);
  });

  it('follows a link to the file it leads to, and the one it led to before', async () => {
    await using followed = new FollowedLog(fromStart);
    const [old, young] = [
      join(followed.folder, 'access-20261121.log'),
      join(followed.folder, 'access-20261122.log'),
    ];
    writeFileSync(old, logLine({ sent: 1 }));
    symlinkSync(old, followed.path);
    await followed.run();
    appendFileSync(old, logLine({ sent: 2 }));
    writeFileSync(young, logLine({ sent: 3 }));
    unlinkSync(followed.path);
    symlinkSync(young, followed.path);
    await followed.restart();
    expect(linesOf(await followed.run())).toEqual([2, 0, 0]);
  });

  it('follows all files of a pattern, and rotated files elsewhere', async () => {
    await using followed = new FollowedLog(
      { ...fromStart, rotated: ['/tmp/farpoint-no-such/*.log'] },
      '*.access.log',
    );
    writeFileSync(join(followed.folder, 'a.access.log'), logLine({ sent: 1 }));
    expect(linesOf(await followed.run())).toEqual([1, 0, 0]);
    writeFileSync(join(followed.folder, 'b.access.log'), logLine({ sent: 2 }));
    appendFileSync(join(followed.folder, 'a.access.log'), logLine({ sent: 3 }));
    expect(linesOf(await followed.run())).toEqual([2, 0, 0]);
  });

  it('finds rotated files in another folder', async () => {
    await using followed = new FollowedLog();
    const old = join(followed.folder, 'old');
    mkdirSync(old);
    await using elsewhere = new FollowedLog({ ...fromStart, rotated: [join(old, '*')] });
    writeFileSync(elsewhere.path, logLine({ sent: 1 }));
    await elsewhere.run();
    await elsewhere.restart();
    appendFileSync(elsewhere.path, logLine({ sent: 2 }));
    renameSync(elsewhere.path, join(old, 'whatever'));
    writeFileSync(elsewhere.path, logLine({ sent: 3 }));
    expect(linesOf(await elsewhere.run())).toEqual([2, 0, 0]);
  });

  it('waits a moment for a log that is being rotated', async () => {
    await using followed = new FollowedLog(fromStart);
    writeFileSync(followed.path, logLine({ sent: 1 }));
    await followed.run();
    renameSync(followed.path, `${followed.path}.1`);
    const running = followed.run();
    setTimeout(() => writeFileSync(followed.path, logLine({ sent: 2 })), 300);
    const observation = await running;
    expect(observation.verdict).toEqual({ status: 'up' });
    expect(linesOf(observation)).toEqual([1, 0, 0]);
  });

  it('gives up a compressed file that is damaged, after what can be read of it', async () => {
    await using followed = new FollowedLog(fromStart);
    writeFileSync(followed.path, logLine());
    await followed.run();
    const packed = gzipSync(
      Array.from({ length: 2000 }, (_, index) => logLine({ age: 60, sent: index * 7919 })).join(''),
    );
    writeFileSync(`${followed.path}.2.gz`, packed.subarray(0, packed.length / 2));
    const values = [];
    for (let run = 0; run < 3; run++) values.push(valuesOf(await followed.run()));
    expect(values.map((found) => found['log.gaps{cause=damaged}'])).toEqual([0, 1, 0]);
    const parsed = values.reduce(
      (sum, found) => sum + Number(found['log.lines{outcome=parsed}']),
      0,
    );
    expect(parsed).toBeGreaterThan(500);
    expect(parsed).toBeLessThan(2000);
  });

  it('takes an unfinished last line of a rotated file for a line once nobody writes there any more', async () => {
    await using followed = new FollowedLog(fromStart);
    writeFileSync(followed.path, `${logLine()}192.0.2.1 - - [`);
    await followed.run();
    renameSync(followed.path, `${followed.path}.1`);
    writeFileSync(followed.path, '');
    followed.nowMs = Date.now() + 60_000;
    expect(linesOf(await followed.run())).toEqual([0, 0, 0]);
    expect(linesOf(await followed.run())).toEqual([0, 1, 0]);
    expect(linesOf(await followed.run())).toEqual([0, 0, 0]);
  });
});

describe('its verdict', () => {
  it.each([
    [
      'errors of the window',
      { errors: { max: 0.02 } },
      'errors 40 % (5 requests), expected at most 2 %',
    ],
    [
      'shares of other classes',
      { status: { '4xx': { max: 0.1 }, '2xx': { min: 0.5 } } },
      '2xx 40 % (5 requests), expected at least 50 %; 4xx 20 % (5 requests), expected at most 10 %',
    ],
    [
      'quantiles',
      { time: { p50: '20ms', p95: '1s' } },
      'p95 time 1547 ms (5 requests), expected at most 1000 ms',
    ],
    [
      'a route',
      {
        routes: {
          '/datasets/:id': { errors: { max: 0.1 }, requests: { max: 1 }, time: { p99: '10ms' } },
        },
      },
      'requests of /datasets/:id 2, expected at most 1; errors of /datasets/:id 50 % (2 requests), expected at most 10 %; p99 time of /datasets/:id 1564 ms (2 requests), expected at most 10 ms',
    ],
    [
      'clients and connections',
      { clients: { min: 3 }, connections: { max: 1 } },
      'clients 2, expected at least 3; connections 3, expected at most 1',
    ],
    [
      'lines that do not parse',
      { unparsed: { max: 0.1 } },
      'lines that do not parse 16.7 %, expected at most 10 %',
    ],
  ])('meets %s', async (_, expected, message) => {
    await using followed = new FollowedLog({
      ...fromStart,
      format: { nginx: timed },
      routes: ['/datasets/:id'],
      expect: expected,
    });
    writeFileSync(
      followed.path,
      logLine({ rest: ' 0.010 - 1' }) +
        logLine({ client: '::1', rest: ' 0.010 - 2', status: 404 }) +
        logLine({ rest: ' 0.010 - 3', status: 500 }) +
        logLine({ request: 'GET /datasets/1 HTTP/1.1', rest: ' 0.005 - 3' }) +
        logLine({ request: 'GET /datasets/2 HTTP/1.1', rest: ' 1.5 - 3', status: 502 }) +
        'what?\n',
    );
    expect((await followed.run()).verdict).toEqual({
      status: 'down',
      error: 'log_threshold',
      message,
    });
  });

  it('looks back over the window by the times of the lines, over runs and restarts', async () => {
    await using followed = new FollowedLog({
      ...fromStart,
      window: '1m',
      expect: { errors: { max: 0.5 } },
    });
    writeFileSync(followed.path, logLine({ age: 600, status: 500 }).repeat(100));
    expect((await followed.run()).verdict.status).toBe('up');
    appendFileSync(followed.path, logLine({ status: 500 }).repeat(3));
    expect((await followed.run()).verdict.status).toBe('down');
    await followed.restart();
    followed.nowMs += 20_000;
    expect((await followed.run()).verdict.status).toBe('down');
    followed.nowMs += 60_000;
    expect((await followed.run()).verdict.status).toBe('up');
  });

  it('counts different clients of the window, over runs, each once', async () => {
    await using followed = new FollowedLog({
      ...fromStart,
      window: '1m',
      expect: { window: { clients: { min: 2, max: 3 } } },
    });
    const clients = async (): Promise<unknown[]> => {
      const observation = await followed.run();
      const values = valuesOf(observation);
      const names = ['log.clients', 'log.window.clients', 'log.window.clients.capped'];
      return [observation.verdict.status, ...names.map((name) => values[name])];
    };
    const add = (age: number, ...list: string[]): void =>
      appendFileSync(followed.path, list.map((client) => logLine({ client, age })).join(''));
    add(600, '192.0.2.9');
    add(30, '192.0.2.1', '::1');
    add(0, '192.0.2.2', '192.0.2.1');
    expect(await clients()).toEqual(['up', 4, 3, 0]);
    add(0, '192.0.2.1', '192.0.2.3');
    await followed.runInVain();
    expect(await clients()).toEqual(['down', 2, 4, 0]);
    followed.nowMs += 40_000;
    expect(await clients()).toEqual(['up', 0, 3, 0]);
    await followed.restart();
    add(-40, '192.0.2.4');
    // What was there before the restart is not known, so it may be more.
    expect(await clients()).toEqual(['up', 1, 1, 1]);
    followed.nowMs += 60_000;
    expect(await clients()).toEqual(['down', 0, 0, 0]);
  });

  it('forgets the future when the clock of its host is put back', async () => {
    const expected = { errors: { max: 0.5 }, silence: '1h' };
    await using followed = new FollowedLog({ ...fromStart, window: '1m', expect: expected });
    const dayMs = 86_400_000;
    followed.nowMs += dayMs;
    const failed = { age: -86_400, status: 500 };
    writeFileSync(followed.path, logLine({ ...failed, client: '192.0.2.1' }));
    appendFileSync(followed.path, logLine({ ...failed, client: '::1' }));
    expect((await followed.run()).verdict.status).toBe('down');
    followed.nowMs -= dayMs;
    appendFileSync(followed.path, logLine({ client: '192.0.2.2' }));
    const observation = await followed.run();
    expect(observation.verdict.status).toBe('up');
    expect(valuesOf(observation)).toMatchObject({
      'log.window.clients': 1,
      'log.window.clients.capped': 1,
      'log.window.errors{route=other}': 0,
    });
    followed.nowMs += 2 * 3_600_000;
    expect((await followed.run()).verdict).toMatchObject({ error: 'log_silent' });
  });

  it('does not judge shares of fewer requests than the sample', async () => {
    await using followed = new FollowedLog({
      ...fromStart,
      expect: { errors: { max: 0.1 }, sample: 4 },
    });
    writeFileSync(followed.path, logLine({ status: 500 }).repeat(3));
    expect((await followed.run()).verdict.status).toBe('up');
    appendFileSync(followed.path, logLine({ status: 500 }));
    expect((await followed.run()).verdict.status).toBe('down');
  });

  it('misses requests only once a whole window has been seen', async () => {
    await using followed = new FollowedLog({ window: '1m', expect: { requests: { min: 1 } } });
    writeFileSync(followed.path, '');
    expect((await followed.run()).verdict.status).toBe('up');
    followed.nowMs += 60_000;
    expect((await followed.run()).verdict).toMatchObject({
      error: 'log_threshold',
      message: 'requests 0, expected at least 1',
    });
  });

  it('meets the thresholds of configured numbers', async () => {
    const values = {
      hits: { field: 'cache_hits', as: 'counter', expect: { min: 10 } },
      queue: { as: 'gauge', expect: { max: 5 } },
      mean: { field: 'queue', as: 'histogram', buckets: [1], expect: { max: 3 } },
    };
    await using followed = new FollowedLog({
      ...fromStart,
      format: { nginx: '$status $cache_hits $queue' },
      values,
    });
    writeFileSync(followed.path, '200 4 1\n200 - 9\n200 5 2\n');
    expect((await followed.run()).verdict).toMatchObject({
      message: 'hits 9, expected at least 10; mean 4, expected at most 3',
    });
  });

  it('is down when nothing was written for too long', async () => {
    await using followed = new FollowedLog({ ...fromStart, expect: { silence: '1h' } });
    writeFileSync(followed.path, logLine({ age: 7200 }));
    expect((await followed.run()).verdict).toEqual({
      status: 'down',
      error: 'log_silent',
      message: 'no new line for 7200 s, expected one at least every 3600 s',
    });
    appendFileSync(followed.path, logLine());
    expect((await followed.run()).verdict).toEqual({ status: 'up' });
  });

  it('knows the silence before the first run from the file', async () => {
    await using followed = new FollowedLog({ expect: { silence: '1h' } });
    writeFileSync(followed.path, logLine());
    utimesSync(followed.path, new Date(), new Date(logTestMs - 7_200_000));
    expect((await followed.run()).verdict).toMatchObject({ error: 'log_silent' });
  });

  it('is down when the log is missing, and reads it from its start when it comes', async () => {
    await using followed = new FollowedLog();
    expect((await followed.run()).verdict).toEqual({
      status: 'down',
      error: 'log_missing',
      message: `${followed.path} does not exist`,
    });
    writeFileSync(followed.path, logLine());
    const observation = await followed.run();
    expect(observation.verdict).toEqual({ status: 'up' });
    expect(linesOf(observation)).toEqual([1, 0, 0]);
  });

  it('is unknown when the log is no file, or may not be read', async () => {
    await using followed = new FollowedLog();
    mkdirSync(followed.path);
    expect((await followed.run()).verdict).toMatchObject({
      status: 'unknown',
      error: 'log_unreadable',
    });
    rmSync(followed.path, { recursive: true });
    writeFileSync(followed.path, '');
    chmodSync(followed.path, 0);
    if (process.getuid?.() === 0) return;
    expect((await followed.run()).verdict).toMatchObject({
      status: 'unknown',
      error: 'log_unreadable',
      message: expect.stringContaining('group'),
    });
  });

  it('is unknown when the state is from a newer program', async () => {
    await using followed = new FollowedLog();
    followed.state = { version: 2 };
    expect((await followed.run()).verdict).toMatchObject({
      status: 'unknown',
      error: 'agent_error',
    });
  });

  it('survives an expression that takes for ever', async () => {
    await using followed = new FollowedLog({
      ...fromStart,
      format: { regex: '^(?<client>(a+)+)$' },
    });
    writeFileSync(followed.path, 'aa\n');
    expect(linesOf(await followed.run())).toEqual([1, 0, 0]);
    appendFileSync(followed.path, `${'a'.repeat(60)}b\naaa\n`);
    expect((await followed.run(2000)).verdict).toMatchObject({
      status: 'unknown',
      error: 'agent_error',
    });
    expect(linesOf(await followed.run())).toEqual([1, 1, 0]);
  });
});

describe('its settings', () => {
  it.each([
    [{ routes: ['datasets/:id'] }, /starts with a slash/],
    [{ expect: { routes: { '/a': {} } } }, '/a is neither among routes nor other'],
    [{ expect: { time: { p95: '1s' } } }, /\$request_time/],
    [{ expect: { connections: { max: 1 } } }, /\$connection/],
    [{ values: { hits: {} } }, 'the format has no field hits'],
    [{ values: { status: { as: 'counter', buckets: [1] } } }, 'buckets go with as: histogram'],
    [{ clients: { field: 'http_x_forwarded_for' } }, 'the format has no $http_x_forwarded_for'],
    [{ line: '10B' }, 'expected 256B to 1MiB'],
  ])('refuse %j', (settings, message) => {
    const messages = log.settings.safeParse(settings).error?.issues.map((issue) => issue.message);
    expect(messages).toEqual([
      typeof message === 'string' ? message : expect.stringMatching(message),
    ]);
  });

  it('take the client from another field', async () => {
    await using followed = new FollowedLog({
      ...fromStart,
      format: { preset: 'nginx-main' },
      clients: { field: 'http_x_forwarded_for' },
    });
    writeFileSync(
      followed.path,
      ['192.0.2.1, 10.0.0.1', '192.0.2.1', '2001:db8::1, 10.0.0.2', '2001:db8::2']
        .map((list) => logLine({ rest: ` "${list}"` }))
        .join(''),
    );
    expect(valuesOf(await followed.run())['log.clients']).toBe(3);
  });
});

/** Lines of a run: parsed, unparsed, oversize. */
function linesOf(observation: Observation): unknown[] {
  const values = valuesOf(observation);
  return ['parsed', 'unparsed', 'oversize'].map(
    (outcome) => values[`log.lines{outcome=${outcome}}`],
  );
}
