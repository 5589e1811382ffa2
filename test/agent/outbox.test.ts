import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { encodeRecord } from '#agent/outbox/record';
import { runMetrics } from '#agent/runs/account';
import { openQueue } from '#lib/queue';
import { type QueueFile, type QueueFileSystem, diskFileSystem } from '#lib/queue/files';
import { drain, openTestOutbox, startsOf } from '../support/agent/outboxes.ts';
import { resultOf, seen } from '../support/agent/results.ts';
import { QuickClock } from '../support/clocks/quick-clock.ts';
import { eventually } from '../support/eventually.ts';
import { LogLines } from '../support/log-lines.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder[Symbol.dispose]());

const down = { status: 'down', error: 'http_status', message: 'status 503' } as const;

/** A disk that has no room whenever the test says so. */
class Disk {
  full = false;
  readonly files: QueueFileSystem = {
    ...diskFileSystem,
    open: async (path) => this.#guard(await diskFileSystem.open(path)),
    create: async (path) => this.#guard(await diskFileSystem.create(path)),
  };

  #guard(file: QueueFile): QueueFile {
    return {
      write: (buffers, offset) => {
        if (this.full) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
        return file.write(buffers, offset);
      },
      read: (buffer, offset) => file.read(buffer, offset),
      truncate: (bytes) => file.truncate(bytes),
      datasync: () => file.datasync(),
      size: () => file.size(),
      close: () => file.close(),
    };
  }
}

describe('outbox', () => {
  test('gives out what was recorded, in order, also after a restart', async () => {
    {
      await using outbox = await openTestOutbox(folder.path);
      await outbox.record(resultOf(1000));
      await outbox.record(resultOf(2000, { verdict: down }));
    }
    await using outbox = await openTestOutbox(folder.path);
    await outbox.record(resultOf(3000));
    const { points, logs } = await drain(outbox);
    expect(startsOf(points)).toEqual([1000, 2000, 3000]);
    expect(logs.map(({ body }) => body)).toEqual(['status 503', 'up, was down']);
  });

  test('keeps sums, start times and the state of a check over restarts', async () => {
    for (const startedUnixMs of [1000, 2000, 3000]) {
      await using outbox = await openTestOutbox(folder.path);
      const { subject } = resultOf(startedUnixMs);
      expect(outbox.stateOf(subject)).toEqual(
        startedUnixMs === 1000 ? undefined : { offset: startedUnixMs - 1000 },
      );
      const measurements = [{ metric: seen, value: 5 }];
      await outbox.record(
        resultOf(startedUnixMs, { measurements, state: { offset: startedUnixMs } }),
      );
    }
    await using outbox = await openTestOutbox(folder.path);
    const sums = (await drain(outbox)).points.filter(({ name }) => name === seen.name);
    expect(sums.map(({ value }) => value)).toEqual([5, 10, 15]);
    expect(new Set(sums.map(({ startUnixNano }) => startUnixNano))).toEqual(
      new Set([999_000_000n]),
    );
  });

  test('remembers what it has sent and deleted long since', async () => {
    const noise = (): string => randomBytes(600_000).toString('base64');
    {
      await using outbox = await openTestOutbox(folder.path);
      const measurements = [{ metric: seen, value: 1 }];
      await outbox.record(resultOf(1000, { measurements, state: 'kept' }, 'quiet'));
      for (let index = 0; index < 16; index += 1) {
        await outbox.record(resultOf(2000 + index, { state: noise() }, 'noisy'));
      }
      await drain(outbox);
    }
    await using outbox = await openTestOutbox(folder.path);
    expect(outbox.stateOf(resultOf(1000, {}, 'quiet').subject)).toBe('kept');
    await outbox.record(resultOf(9000, { measurements: [{ metric: seen, value: 1 }] }, 'quiet'));
    const { points } = await drain(outbox);
    expect(points.find(({ name }) => name === seen.name)?.value).toBe(2);
  }, 120_000);

  test('results that come together share a record', async () => {
    await using outbox = await openTestOutbox(folder.path);
    const together = Array.from({ length: 200 }, (_, index) =>
      outbox.record(resultOf(1000 + index, {}, `host-${index}`)),
    );
    await Promise.all(together);
    const { points, records } = await drain(outbox);
    expect(startsOf(points)).toEqual(together.map((_, index) => 1000 + index));
    expect(records).toBeLessThan(20);
  });

  test('counts skipped runs that no result will tell of', async () => {
    await using outbox = await openTestOutbox(folder.path);
    const { subject, declarations } = resultOf(1000);
    const [scheduled] = runMetrics;
    const measurements = [{ metric: scheduled!, value: 3 }];
    await outbox.record(resultOf(1000, { measurements }));
    await outbox.recordIncrements({ subject, declarations, measurements, atUnixMs: 2000 });
    const { points } = await drain(outbox);
    expect(points.filter(({ name }) => name === scheduled!.name).map(({ value }) => value)).toEqual(
      [3, 6],
    );
  });

  test('ends the series of targets that are gone, and keeps what their check wants to know', async () => {
    {
      await using outbox = await openTestOutbox(folder.path);
      await outbox.record(resultOf(1000, { state: { offset: 7 } }, 'gone'));
      await outbox.record(resultOf(1000, {}, 'kept'));
      await drain(outbox);
    }
    await using outbox = await openTestOutbox(folder.path);
    await outbox.endAllBut([resultOf(0, {}, 'kept').subject]);
    await outbox.endAllBut([resultOf(0, {}, 'kept').subject]);
    const { points } = await drain(outbox);
    expect(points.map(({ name }) => name).toSorted()).toEqual([
      'probe.duration',
      'probe.success',
      'probe.timeout',
      'probe.valid.until.timestamp',
      'probe.verdict',
      'probe.verdict',
      'probe.verdict',
    ]);
    for (const { value, resource } of points) {
      expect(value).toBeUndefined();
      expect(resource['service.instance.id']).toBe('gone');
    }
    expect(outbox.stateOf(resultOf(0, {}, 'gone').subject)).toEqual({ offset: 7 });
  });

  test('beyond its bounds gives up the oldest, and counts it', async () => {
    const lines = new LogLines();
    await using outbox = await openTestOutbox(folder.path, { bytesMax: 20_000, log: lines.log });
    for (let index = 0; index < 100; index += 1) await outbox.record(resultOf(1000 + index));
    const { droppedRecords } = outbox.statistics;
    const starts = startsOf((await drain(outbox)).points);
    expect(droppedRecords).toBe(100 - starts.length);
    expect(starts).toEqual(Array.from(starts, (_, index) => 1000 + droppedRecords + index));
    expect(lines.messages('error')).toEqual(['the outbox is full: what is oldest is dropped']);
  });

  test('is locked by one process', async () => {
    await using outbox = await openTestOutbox(folder.path);
    await expect(openTestOutbox(folder.path)).rejects.toThrow(
      /another process is using this folder/,
    );
    expect(outbox.id).not.toBe('');
  });

  test('refuses by name what a newer version wrote, and leaves it as it is', async () => {
    const record = encodeRecord({ metrics: Buffer.of(), logs: Buffer.of(), memory: new Map() });
    {
      const consumers = [{ name: 'collector', bytesMax: 1e9, ageMaxMs: 1e9, required: false }];
      const clock = new QuickClock();
      await using queue = await openQueue({ directory: folder.path, consumers, clock });
      await queue.append(Buffer.from(record.with(0, 9)));
    }
    for (let attempt = 0; attempt < 2; attempt += 1) {
      await expect(openTestOutbox(folder.path)).rejects.toThrow(/format 9/);
    }
  });

  test('a result that cannot be encoded costs nothing but itself', async () => {
    const lines = new LogLines();
    await using outbox = await openTestOutbox(folder.path, { log: lines.log });
    await Promise.all([
      outbox.record(resultOf(1000)),
      outbox.record(resultOf(2000, { state: 1n })),
      outbox.record(resultOf(3000)),
    ]);
    expect(startsOf((await drain(outbox)).points)).toEqual([1000, 3000]);
    expect(outbox.statistics.droppedResults).toBe(1);
    expect(lines.messages('error')).toEqual(['dropped a result that cannot be encoded']);
  });
});

describe('while the disk refuses', () => {
  test('checks go on with their old state, and nothing is counted twice', async () => {
    const disk = new Disk();
    const lines = new LogLines();
    await using outbox = await openTestOutbox(folder.path, { files: disk.files, log: lines.log });
    const { subject } = resultOf(0);
    const [scheduled] = runMetrics;
    const lookAt = async (startedUnixMs: number, offset: number, gained: number): Promise<void> => {
      const measurements = [
        { metric: scheduled!, value: 1 },
        { metric: seen, value: gained },
      ];
      await outbox.record(resultOf(startedUnixMs, { measurements, state: { offset } }));
    };
    await lookAt(1000, 10, 10);
    disk.full = true;
    await lookAt(2000, 25, 15);
    expect(outbox.stateOf(subject), 'the old state is given again').toEqual({ offset: 10 });
    await lookAt(3000, 30, 20);
    expect(outbox.stateOf(subject)).toEqual({ offset: 10 });
    expect(outbox.statistics.waitingResults).toBe(2);
    disk.full = false;
    await eventually(
      'the waiting results to be written',
      () => outbox.statistics.waitingResults === 0,
    );
    await lookAt(4000, 40, 30);
    expect(outbox.stateOf(subject)).toEqual({ offset: 40 });
    const { points } = await drain(outbox);
    expect(startsOf(points)).toEqual([1000, 2000, 3000, 4000]);
    const valuesOf = (metric: string): unknown[] =>
      points.filter(({ name }) => name === metric).map(({ value }) => value);
    expect(valuesOf(seen.name)).toEqual([10, 10, 10, 40]);
    expect(valuesOf(scheduled!.name)).toEqual([1, 2, 3, 4]);
    expect(lines.messages('error')).toHaveLength(1);
    expect(lines.messages('info')).toContain('the outbox can be written again');
  });

  test('counters of a check without a state wait for the disk as they are', async () => {
    const disk = new Disk();
    await using outbox = await openTestOutbox(folder.path, { files: disk.files });
    const measurements = [{ metric: seen, value: 1 }];
    await outbox.record(resultOf(1000, { measurements }));
    disk.full = true;
    await outbox.record(resultOf(2000, { measurements }));
    await outbox.record(resultOf(3000, { measurements }));
    disk.full = false;
    await eventually(
      'the waiting results to be written',
      () => outbox.statistics.waitingResults === 0,
    );
    const { points } = await drain(outbox);
    expect(points.filter(({ name }) => name === seen.name).map(({ value }) => value)).toEqual([
      1, 2, 3,
    ]);
  });

  test('no more than ten thousand results wait; the oldest are dropped and counted', async () => {
    const disk = new Disk();
    const clock = new QuickClock(20);
    await using outbox = await openTestOutbox(folder.path, { files: disk.files, clock });
    disk.full = true;
    for (let index = 0; index < 10_200; index += 1) {
      void outbox.record(resultOf(1000 + index, {}, `host-${index % 50}`));
    }
    await eventually('the oldest to be dropped', () => outbox.statistics.droppedResults === 200);
    disk.full = false;
    await eventually('the rest to be written', () => outbox.statistics.waitingResults === 0);
    const starts = startsOf((await drain(outbox)).points);
    expect(starts).toHaveLength(10_000);
    expect(starts[0]).toBe(1200);
  });

  test('closing tries once more and then says what is lost', async () => {
    const disk = new Disk();
    const lines = new LogLines();
    const clock = new QuickClock(0.001);
    const outbox = await openTestOutbox(folder.path, { files: disk.files, log: lines.log, clock });
    disk.full = true;
    await outbox.record(resultOf(1000));
    await outbox[Symbol.asyncDispose]();
    expect(lines.lines.at(-1)).toMatchObject({ level: 'error', dropped: 1 });
  });
});
