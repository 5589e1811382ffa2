import * as fc from 'fast-check';
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Exporter } from '#agent/export';
import { CollectorClient } from '#agent/export/collector-client';
import type { Outbox } from '#agent/outbox';
import { decodeMetrics } from '#lib/otlp/metrics';
import { encodeExportResponse, encodeStatus } from '#lib/otlp/status';
import { Secret } from '#lib/secret';
import { openTestOutbox, startsOf } from '../support/agent/outboxes.ts';
import { resultOf } from '../support/agent/results.ts';
import { QuickClock } from '../support/clocks/quick-clock.ts';
import { eventually } from '../support/eventually.ts';
import { LogLines } from '../support/log-lines.ts';
import { type Behaviour, RecordingCollector } from '../support/servers/recording-collector.ts';
import { Memory, type Trouble } from '../support/servers/remembering-collector.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const down = { status: 'down', error: 'http_status', message: 'status 503' } as const;
const limits = { items: 1e6, attributes: 64, name: 1024, value: 65_536, buckets: 1000 };

let resources: AsyncDisposableStack;
let collector: RecordingCollector;
let outbox: Outbox;
let clock: QuickClock;
let lines: LogLines;
let quarantineDirectory: string;

beforeEach(async () => {
  resources = new AsyncDisposableStack();
  clock = new QuickClock();
  lines = new LogLines();
  const folder = resources.use(temporaryFolder());
  quarantineDirectory = join(folder.path, 'quarantine');
  collector = resources.use(await RecordingCollector.start());
  outbox = resources.use(await openTestOutbox(join(folder.path, 'outbox'), { clock }));
});
afterEach(() => resources.disposeAsync());

async function record(count: number, firstMs = 1000): Promise<number[]> {
  const starts = Array.from({ length: count }, (_, index) => firstMs + index);
  for (const startedUnixMs of starts)
    await outbox.record(resultOf(startedUnixMs, { verdict: down }));
  return starts;
}

/** Exports while a test looks on, and stops at its end. */
function startExport(urls = [collector.url]): Exporter {
  const clients = urls.map((url) =>
    resources.use(
      new CollectorClient({
        url,
        key: new Secret('id.hush'),
        userAgent: 'farpoint-agent/0',
        clock,
      }),
    ),
  );
  const exporter = new Exporter({ outbox, clients, quarantineDirectory, clock, log: lines.log });
  const stop = new AbortController();
  const running = exporter.run(stop.signal);
  resources.defer(async () => {
    stop.abort();
    await running;
  });
  return exporter;
}

const emptied = (): Promise<unknown> =>
  eventually('the outbox to be empty', () => outbox.statistics.bytes === 0);

/** Answers in this way a number of times, then with success. */
function times(count: number, behaviour: Behaviour): Behaviour {
  let left = count;
  return (request) => (left-- > 0 ? behaviour(request) : {});
}

describe('export', () => {
  test('sends the oldest first, reasons before their verdicts, and deletes them', async () => {
    const starts = await record(50);
    startExport();
    await emptied();
    expect(startsOf(collector.points)).toEqual(starts);
    expect(collector.logs).toHaveLength(50);
    expect(collector.requests.map(({ kind }) => kind)).toEqual(['logs', 'metrics']);
    expect(collector.requests[0]?.headers).toMatchObject({
      'content-type': 'application/x-protobuf',
      'content-encoding': 'gzip',
      authorization: 'Bearer id.hush',
      'user-agent': 'farpoint-agent/0',
      'farpoint-outbox': outbox.id,
      'farpoint-sequence': '1-50',
    });
  });

  test('waits as long as Retry-After says, in seconds or as a date', async () => {
    const inAMinute = (): string => new Date(Date.now() + 60_000).toUTCString();
    for (const [value, leastMs] of [
      [() => '7', 7000],
      [inAMinute, 20_000],
    ] as const) {
      clock.sleepsMs.length = 0;
      collector.behave = times(1, () => ({ status: 503, headers: { 'retry-after': value() } }));
      await record(1);
      const exporter = startExport();
      await emptied();
      expect(Math.max(...clock.sleepsMs)).toBeGreaterThanOrEqual(leastMs);
      expect(exporter.statistics.trouble).toBeUndefined();
    }
  });

  test.each([
    ['429', () => ({ status: 429 })],
    ['500', () => ({ status: 500 })],
    ['a cut connection', () => 'reset' as const],
    ['a redirect', () => ({ status: 302, headers: { location: '/elsewhere' } })],
  ])('keeps everything and its order over %s', async (_, behaviour) => {
    collector.behave = times(4, behaviour);
    const starts = await record(10);
    startExport();
    await emptied();
    expect(startsOf(collector.points)).toEqual(starts);
    expect(lines.messages('info')).toEqual(['results are delivered again']);
  });

  test('a collector that is away is waited for', async () => {
    await collector.leave();
    const starts = await record(5);
    const exporter = startExport();
    await eventually('it to be noticed', () => exporter.statistics.trouble);
    expect(exporter.statistics.trouble).toContain('ECONNREFUSED');
    starts.push(...(await record(5, 2000)));
    await collector.listen();
    await emptied();
    expect(startsOf(collector.points)).toEqual(starts);
    expect(lines.messages('warn')).toEqual(['results cannot be delivered; they are kept']);
  });

  test.each([401, 403, 404])('HTTP %i keeps the data and says so once, loudly', async (status) => {
    collector.behave = times(6, () => ({
      status,
      body: encodeStatus({ code: 16, message: 'unknown key' }),
    }));
    const starts = await record(3);
    const exporter = startExport();
    await eventually('several tries', () => exporter.statistics.failures >= 4);
    expect(lines.lines[0]).toMatchObject({
      level: 'error',
      trouble: `${collector.url}/v1/logs: HTTP ${status}: unknown key`,
    });
    await emptied();
    expect(lines.messages('error')).toHaveLength(1);
    expect(startsOf(collector.points)).toEqual(starts);
    expect(JSON.stringify(lines.lines)).not.toContain('hush');
  });

  test('a web page, as a proxy or a wrong address answers, is not a success', async () => {
    const headers = { 'content-type': 'text/html; charset=utf-8' };
    collector.behave = times(2, () => ({ headers, body: '<h1>It works!</h1>' }));
    const starts = await record(3);
    startExport();
    await emptied();
    expect(startsOf(collector.points).slice(-3)).toEqual(starts);
    expect(lines.lines[0]?.['trouble']).toContain('HTTP 200 with a web page');
  });

  test('turns to the next endpoint, and stays with the one that works', async () => {
    const second = resources.use(await RecordingCollector.start());
    collector.behave = () => ({ status: 503 });
    const starts = await record(3);
    startExport([collector.url, second.url]);
    await emptied();
    await record(1, 5000);
    await emptied();
    expect(startsOf(second.points)).toEqual([...starts, 5000]);
    expect(collector.requests).toHaveLength(1);
    second.behave = () => ({ status: 503 });
    collector.behave = () => ({});
    await record(1, 6000);
    await emptied();
    expect(startsOf(collector.points)).toEqual([6000]);
    expect(Math.max(...clock.sleepsMs), 'there was nothing to wait for').toBeLessThan(250);
  });
});

describe('data that is refused', () => {
  const poison = 1007;
  const isPoisoned: Behaviour = ({ points }) =>
    startsOf(points).includes(poison)
      ? { status: 400, body: encodeStatus({ code: 3, message: 'bad point' }) }
      : {};

  test('is found by halving and set aside in a file, with its reason; all else arrives', async () => {
    collector.behave = isPoisoned;
    const starts = await record(20);
    const exporter = startExport();
    await emptied();
    expect(startsOf(collector.points)).toEqual(starts.filter((start) => start !== poison));
    const files = readdirSync(quarantineDirectory);
    expect(files).toEqual([expect.stringMatching(/^0+8-.{8}\.metrics\.otlp$/)]);
    const bytes = readFileSync(join(quarantineDirectory, files[0]!));
    expect(startsOf(decodeMetrics(bytes, limits).points)).toEqual([poison]);
    expect(exporter.statistics.quarantinedRecords).toBe(1);
    expect(lines.lines.find(({ level }) => level === 'error')).toMatchObject({
      why: 'HTTP 400: bad point',
      file: join(quarantineDirectory, files[0]!),
    });
  });

  test('too much at once is split until it fits', async () => {
    collector.behave = ({ bytes }) => ({ status: bytes > 5000 ? 413 : 200 });
    const starts = await record(30);
    startExport();
    await emptied();
    expect(startsOf(collector.points)).toEqual(starts);
    expect(() => readdirSync(quarantineDirectory)).toThrow('ENOENT');
  });

  test('is kept when the endpoint refuses even an empty request', async () => {
    collector.behave = times(25, () => ({ status: 400, body: 'no such tenant' }));
    const starts = await record(4);
    const exporter = startExport();
    await emptied();
    expect(startsOf(collector.points)).toEqual(starts);
    expect(exporter.statistics.quarantinedRecords).toBe(0);
    expect(lines.messages('error')).toHaveLength(1);
  });

  test('stays in the outbox while it cannot be set aside', async () => {
    collector.behave = isPoisoned;
    writeFileSync(quarantineDirectory, 'a file where the folder should be');
    const starts = await record(10);
    const exporter = startExport();
    await eventually('the trouble', () => exporter.statistics.trouble?.startsWith('outbox: '));
    rmSync(quarantineDirectory);
    await emptied();
    const arrived = new Set(startsOf(collector.points));
    expect(arrived).toEqual(new Set(starts.filter((start) => start !== poison)));
    expect(readdirSync(quarantineDirectory)).toHaveLength(1);
  });

  test('taken with reservations is counted and said once', async () => {
    let answers = 0;
    collector.behave = () => {
      const message = `too many labels, for the ${(answers += 1)}. time`;
      return { body: encodeExportResponse({ rejected: 2, message }) };
    };
    const exporter = startExport();
    for (const firstMs of [1000, 2000, 3000]) {
      await record(1, firstMs);
      await emptied();
    }
    expect(exporter.statistics.rejectedItems).toBe(12);
    expect(lines.lines.filter(({ level }) => level === 'warn')).toMatchObject([
      { why: 'too many labels, for the 1. time' },
    ]);
  });
});

describe('what the endpoint answers', () => {
  test('is read only so far', async () => {
    collector.behave = times(2, () => ({ status: 503, body: Buffer.alloc(3_000_000, 'x') }));
    await record(1);
    startExport();
    await emptied();
    expect(JSON.stringify(lines.lines).length).toBeLessThan(2000);
  });

  test.each([90_000, -90_000])(
    'tells that this clock is %i ms ahead, in the next request',
    async (aheadMs) => {
      collector.behave = () => ({ headers: { 'farpoint-time': String(Date.now() - aheadMs) } });
      await record(1);
      startExport();
      await emptied();
      const [first, next] = collector.requests.map(
        ({ headers }) => headers['farpoint-clock-offset'],
      );
      expect(first).toBeUndefined();
      expect(next).toMatch(/^-?\d+$/);
      expect(Math.abs(Number(next) - aheadMs)).toBeLessThan(1000);
    },
  );
});

describe('a collector that remembers', () => {
  test('gets nothing twice and misses nothing, whatever happens to requests and answers', async () => {
    const troubles = fc.array(fc.constantFrom<Trouble[]>('none', 'busy', 'lost answer', 'reset'), {
      maxLength: 8,
    });
    const batches = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 });
    let firstMs = 1000;
    await fc.assert(
      fc.asyncProperty(batches, troubles, async (counts, list) => {
        const left = [...list];
        const memory = new Memory(() => left.shift() ?? 'none');
        collector.behave = memory.behave;
        const stop = new AbortController();
        await using client = new CollectorClient({
          url: collector.url,
          key: undefined,
          userAgent: 'x',
          clock,
        });
        const exporter = new Exporter({
          outbox,
          clients: [client],
          quarantineDirectory,
          clock,
          log: lines.log,
        });
        const running = exporter.run(stop.signal);
        const starts: number[] = [];
        for (const count of counts) {
          starts.push(...(await record(count, firstMs)));
          firstMs += 1000;
        }
        await emptied();
        stop.abort();
        await running;
        expect(startsOf(memory.taken.flatMap(({ points }) => points))).toEqual(starts);
      }),
      { numRuns: 15 },
    );
  }, 120_000);

  test('that holds a part of what is sent again gets only the rest', async () => {
    const starts = await record(10);
    collector.behave = ({ headers }) =>
      String(headers['farpoint-sequence']).startsWith('1-')
        ? { headers: { 'farpoint-accepted-through': '6' } }
        : {};
    startExport();
    await emptied();
    const taken = collector.requests.filter(
      ({ headers }) => headers['farpoint-sequence'] === '7-10',
    );
    expect(startsOf(taken.flatMap(({ points }) => points))).toEqual(starts.slice(6));
    const ranges = collector.requests.map(({ headers }) => headers['farpoint-sequence']);
    expect(ranges).toEqual(['1-10', '7-10', '1-10', '7-10']);
  });

  test('that holds more than the outbox ever had gets everything, without numbers', async () => {
    const starts = await record(3);
    collector.behave = ({ headers }) =>
      headers['farpoint-sequence'] === undefined
        ? {}
        : { headers: { 'farpoint-accepted-through': '1000' } };
    startExport();
    await emptied();
    const unnumbered = collector.requests.filter(
      ({ headers }) => headers['farpoint-sequence'] === undefined,
    );
    expect(startsOf(unnumbered.flatMap(({ points }) => points))).toEqual(starts);
    expect(lines.messages('error')).toEqual([expect.stringContaining('an older copy')]);
  });

  test('that answers with success but does not hold what was sent is sent it again', async () => {
    const starts = await record(2);
    collector.behave = times(3, () => ({ headers: { 'farpoint-accepted-through': '0' } }));
    const exporter = startExport();
    await emptied();
    expect(startsOf(collector.points).slice(-2)).toEqual(starts);
    expect(exporter.statistics.failures).toBe(3);
  });
});
