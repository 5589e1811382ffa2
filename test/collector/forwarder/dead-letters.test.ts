import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type DeadLetter, DeadLetters } from '#collector/forwarder/dead-letters';
import { noLimits } from '#lib/otlp/limits';
import { decodeLogs } from '#lib/otlp/logs';
import { decodeMetrics } from '#lib/otlp/metrics';
import { StandingClock } from '../../support/clocks/quick-clock.ts';
import { SmallDisk } from '../../support/disks/small-disk.ts';
import { needs } from '../../support/needs.ts';
import { gauge, histogram, logRecord } from '../../support/otlp/points.ts';

const unixMs = 1_790_000_000_000;
const header = '{"format":"farpoint dead letters","version":1}';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'farpoint-dead-letters-'));
});
afterEach(() => rm(directory, { recursive: true }));

describe('DeadLetters', () => {
  test('keeps what is needed to understand a letter, and to send it again', async () => {
    await using letters = await openLetters();
    const points = [
      histogram('size', unixMs),
      gauge('probe.success', unixMs, { value: undefined }),
    ];
    const logs = [logRecord('port 443 is closed', unixMs)];
    await letters.add({ batch: { points, logs }, reason: 'out of bounds', repeated: false });
    const [first, letter = '', rest] = (await read()).split('\n');
    expect(first).toBe(header);
    expect(rest).toBe('');
    const { otlpMetrics, otlpLogs, ...described } = JSON.parse(letter);
    expect(described).toEqual({
      time: '2026-09-21T14:13:20.000Z',
      sink: 'metrics',
      reason: 'out of bounds',
      repeated: false,
      points: 2,
      logs: 1,
      first:
        'size{service.name="clowder", service.instance.id="https://clowder.example.org/", check="home", ' +
        'type="http", region="eu-west", agent="eu-west"} 2026-09-21T14:13:20.000Z',
    });
    expect(decodeMetrics(Buffer.from(otlpMetrics, 'base64'), noLimits).points).toEqual(points);
    expect(decodeLogs(Buffer.from(otlpLogs, 'base64'), noLimits).records).toEqual(logs);
  });

  test('are there after a restart', async () => {
    for (let start = 1; start <= 3; start += 1) {
      await using letters = await openLetters();
      await letters.add(letter(`reason ${start}`));
      expect(letters.statistics).toMatchObject({ letters: start, droppedLetters: 0 });
    }
    expect(await reasons()).toEqual(['reason 1', 'reason 2', 'reason 3']);
  });

  test('take no more than they may: the older half goes, counted', async () => {
    await using letters = await openLetters(8_000);
    for (let index = 0; index < 100; index += 1) await letters.add(letter(`reason ${index}`));
    const { letters: kept, bytes, droppedLetters } = letters.statistics;
    expect(bytes).toBeLessThanOrEqual(8_000);
    expect(kept + droppedLetters).toBe(100);
    expect(kept).toBeGreaterThan(3);
    expect([...(await reasons('metrics.jsonl.old')), ...(await reasons())]).toEqual(
      Array.from({ length: kept }, (_, index) => `reason ${100 - kept + index}`),
    );
    const reopened = await openLetters(8_000);
    expect(reopened.statistics).toMatchObject({ letters: kept, bytes });
    await reopened[Symbol.asyncDispose]();
  });

  test('a letter larger than all that is allowed is kept all the same', async () => {
    await using letters = await openLetters(100);
    await letters.add(letter('x'.repeat(1000)));
    expect(await reasons()).toEqual(['x'.repeat(1000)]);
  });

  test('each sink has its own', async () => {
    await using metrics = await openLetters();
    await using page = await DeadLetters.open({ directory, sink: 'a/page', clock });
    await metrics.add(letter('one'));
    await page.add(letter('two'));
    expect((await readdir(directory)).sort()).toEqual(['a%2Fpage.jsonl', 'metrics.jsonl']);
  });

  test('the older half of one is never in the way of another', async () => {
    await using other = await DeadLetters.open({ directory, sink: 'metrics.old', clock });
    await other.add(letter('of the other'));
    await using letters = await openLetters(1000);
    for (let index = 0; index < 5; index += 1) await letters.add(letter('of ours'));
    expect(letters.statistics.droppedLetters).toBeGreaterThan(0);
    expect(await reasons('metrics.old.jsonl')).toEqual(['of the other']);
  });
});

describe('a file that was left by a crash', () => {
  test('torn in the last letter: what is whole stays, the rest is written over', async () => {
    await withLetters(['one', 'two']);
    const { length } = await read();
    await truncate(path(), length - 20);
    await using letters = await openLetters();
    expect(letters.statistics.letters).toBe(1);
    await letters.add(letter('three'));
    expect(await reasons()).toEqual(['one', 'three']);
  });

  test('torn in the header: begun anew', async () => {
    await writeFile(path(), header.slice(0, 12));
    await using letters = await openLetters();
    await letters.add(letter('one'));
    expect(await reasons()).toEqual(['one']);
  });

  test('damaged in the middle: nothing around it is touched', async () => {
    await withLetters(['one', 'two', 'three']);
    const damaged = (await read()).replace('"two"', '"t\u0000o"');
    await writeFile(path(), damaged);
    await using letters = await openLetters();
    await letters.add(letter('four'));
    expect((await read()).startsWith(damaged)).toBe(true);
  });

  test.each([
    ['of a newer version', '{"format":"farpoint dead letters","version":2}\n'],
    ["that is somebody else's", 'dear diary\n'],
  ])('%s is refused by name and left as it is', async (_, content) => {
    await writeFile(path(), content);
    await expect(openLetters()).rejects.toThrow(`cannot use ${path()}`);
    expect(await read()).toBe(content);
  });
});

needs('root', 'linux')('on a full disk', () => {
  test('a letter is refused, whole, and taken when there is space again', async () => {
    using disk = new SmallDisk(256);
    await using letters = await DeadLetters.open({ directory: disk.directory, sink: 'x', clock });
    await letters.add(letter('one'));
    disk.fill();
    for (let attempt = 0; attempt < 3; attempt += 1) {
      await expect(letters.add(letter('x'.repeat(10_000)))).rejects.toThrow(/ENOSPC|only a part/);
    }
    disk.free();
    await letters.add(letter('two'));
    const text = await readFile(join(disk.directory, 'x.jsonl'), 'utf8');
    const lines = text.trim().split('\n').slice(1);
    expect(lines.map((line) => JSON.parse(line).reason)).toEqual(['one', 'two']);
  });
});

const clock = new StandingClock(unixMs);

function openLetters(bytesMax = 1_000_000): Promise<DeadLetters> {
  return DeadLetters.open({ directory, sink: 'metrics', bytesMax, clock });
}

function letter(reason: string): DeadLetter {
  return { batch: { points: [gauge('x', unixMs)], logs: [] }, reason, repeated: false };
}

async function withLetters(texts: readonly string[]): Promise<void> {
  await using letters = await openLetters();
  for (const text of texts) await letters.add(letter(text));
}

function path(name = 'metrics.jsonl'): string {
  return join(directory, name);
}

function read(name?: string): Promise<string> {
  return readFile(path(name), 'utf8');
}

async function reasons(name?: string): Promise<readonly string[]> {
  const lines = (await read(name)).trim().split('\n').slice(1);
  return lines.map((line) => JSON.parse(line).reason);
}
