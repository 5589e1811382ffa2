/** One test for each thing a disk may refuse. */
import { setImmediate } from 'node:timers/promises';
import { beforeEach, expect, test } from 'vitest';
import { DiskFullError } from '#lib/queue';
import type { Operation } from '#test/support/disks/simulated-disk';
import { randomFrom } from '#test/support/random';
import { never, SimulatedQueue, waiting } from './simulated-queue.ts';

let simulated: SimulatedQueue;

beforeEach(() => {
  simulated = new SimulatedQueue();
});

/** Fails the next `times` operations of that kind on files that match. */
function fail(kind: Operation['kind'], path: RegExp, code: string, times = 1): void {
  let left = times;
  simulated.disk.fault = (operation) => {
    if (operation.kind !== kind || !path.test(operation.path) || left === 0) return undefined;
    left -= 1;
    return code;
  };
}

function free(bytes: number): void {
  const used = simulated.disk.paths.reduce(
    (sum, path) => sum + simulated.disk.bytesOf(path).length,
    0,
  );
  simulated.disk.capacity = used + bytes;
}

test('fsync fails: the block goes to a new segment, and is acknowledged only from there', async () => {
  const queue = await simulated.open();
  await queue.append(Buffer.from('one'));
  fail('datasync', /segment/, 'EIO');
  expect(await queue.append(Buffer.from('two'))).toBe(2);
  expect(simulated.segments).toHaveLength(2);
  expect(simulated.incidents).toMatchObject([{ kind: 'poisoned', file: simulated.segment() }]);
  expect(await queue.append(Buffer.from('three'))).toBe(3);
  expect(simulated.disk.bytesOf(simulated.segment(1)).includes('three')).toBe(true);
  const after = new SimulatedQueue();
  after.disk = simulated.disk.afterPowerCut(simulated.disk.operations.length, randomFrom(1));
  await using again = await after.open();
  expect(await waiting(again)).toEqual(['one', 'two', 'three']);
  expect(after.incidents).toEqual([]);
});

test('fsync fails and the poisoned group cannot be cut off: it does not surface twice', async () => {
  const queue = await simulated.open();
  await queue.append(Buffer.from('one'));
  simulated.disk.fault = ({ kind, path }) => {
    return path === simulated.segment() && ['datasync', 'truncate'].includes(kind)
      ? 'EIO'
      : undefined;
  };
  await queue.append(Buffer.from('two'));
  await queue[Symbol.asyncDispose]();
  simulated.disk.fault = () => undefined;
  expect(simulated.disk.bytesOf(simulated.segment()).includes('two')).toBe(true);
  await using again = await simulated.open();
  expect(await waiting(again)).toEqual(['one', 'two']);
});

test('fsync fails on every file: append rejects with the error of the disk, and works when it is over', async () => {
  await using queue = await simulated.open();
  await queue.append(Buffer.from('one'));
  fail('datasync', /segment/, 'EIO', 2);
  await expect(queue.append(Buffer.from('lost'))).rejects.toMatchObject({ code: 'EIO' });
  expect(await queue.append(Buffer.from('two'))).toBe(2);
  expect(await waiting(queue)).toEqual(['one', 'two']);
});

test('a rejected block does not come back after a restart', async () => {
  const queue = await simulated.open();
  await queue.append(Buffer.from('one'));
  fail('datasync', /segment/, 'EIO', 2);
  await expect(queue.append(Buffer.from('rejected'))).rejects.toThrow('EIO');
  await queue[Symbol.asyncDispose]();
  await using again = await simulated.open();
  expect(await waiting(again)).toEqual(['one']);
});

test('the folder cannot be synced: the block is not acknowledged from a file that may not be found', async () => {
  await using queue = await simulated.open();
  fail('sync directory', /queue/, 'EIO');
  await expect(queue.append(Buffer.from('lost'))).rejects.toMatchObject({ code: 'EIO' });
  expect(await queue.append(Buffer.from('one'))).toBe(1);
  expect(await waiting(queue)).toEqual(['one']);
});

test('the file of a segment that could not be made comes back after a power cut: it makes nothing void', async () => {
  const queue = await simulated.open({ segmentBytesMax: 200 });
  await queue.append(Buffer.alloc(60, 'a'));
  let lost: Buffer | undefined;
  simulated.disk.meanwhile = async ({ kind, path }) => {
    if (kind === 'remove' && path.endsWith('2.segment')) lost = simulated.disk.bytesOf(path);
  };
  fail('sync directory', /queue/, 'EIO');
  await expect(queue.append(Buffer.alloc(150, 'b'))).rejects.toMatchObject({ code: 'EIO' });
  expect(await queue.append(Buffer.from('c'))).toBe(2);
  simulated.kill();
  const file = await simulated.disk.create('/queue/000000000002.segment');
  await file.write([lost ?? Buffer.of()], 0);
  await using again = await simulated.open();
  expect(await waiting(again)).toEqual(['a'.repeat(60), 'c']);
});

test('the process dies of a failed fsync: what the next one finds in memory is on disk before it is read', async () => {
  const queue = await simulated.open();
  await queue.append(Buffer.from('one'));
  simulated.disk.fault = ({ kind, path }) => {
    const fails = path.endsWith('.segment') && ['datasync', 'truncate', 'create'].includes(kind);
    return fails ? 'EIO' : undefined;
  };
  await expect(queue.append(Buffer.from('two'))).rejects.toMatchObject({ code: 'EIO' });
  simulated.disk.fault = () => undefined;
  simulated.kill();
  await using again = await simulated.open();
  expect(await waiting(again)).toEqual(['one', 'two']);
  await again.append(Buffer.from('three'));
  for (let seed = 1; seed < 10; seed += 1) {
    const after = new SimulatedQueue();
    after.disk = simulated.disk.afterPowerCut(simulated.disk.operations.length, randomFrom(seed));
    await using found = await after.open();
    expect(await waiting(found)).toEqual(['one', 'two', 'three']);
  }
});

test('a write fails: the block goes to a new segment', async () => {
  await using queue = await simulated.open();
  await queue.append(Buffer.from('one'));
  fail('write', /segment/, 'EIO');
  expect(await queue.append(Buffer.from('two'))).toBe(2);
  expect(await waiting(queue)).toEqual(['one', 'two']);
});

test('the disk is full in the middle of a group: DiskFullError, no trace of it, and on with the next', async () => {
  await using queue = await simulated.open();
  await queue.append(Buffer.from('one'));
  const size = simulated.disk.bytesOf(simulated.segment()).length;
  free(100);
  const appends = ['x'.repeat(50), 'y'.repeat(50)].map((block) => queue.append(Buffer.from(block)));
  for (const result of await Promise.allSettled(appends)) {
    expect(result).toMatchObject({ status: 'rejected', reason: expect.any(DiskFullError) });
  }
  expect(simulated.disk.bytesOf(simulated.segment())).toHaveLength(size);
  simulated.disk.capacity = Infinity;
  expect(await queue.append(Buffer.from('two'))).toBe(2);
  expect(await waiting(queue)).toEqual(['one', 'two']);
  expect(simulated.segments).toHaveLength(1);
  expect(simulated.incidents).toEqual([]);
});

test('the disk is full when a segment is to be started: DiskFullError, and no file is left', async () => {
  await using queue = await simulated.open();
  free(10);
  await expect(queue.append(Buffer.from('lost'))).rejects.toBeInstanceOf(DiskFullError);
  expect(simulated.segments).toEqual([]);
  simulated.disk.capacity = Infinity;
  expect(await queue.append(Buffer.from('one'))).toBe(1);
});

test.each([
  ['fsync finds no room', ['datasync']],
  ['a write finds no room and cannot be undone', ['write', 'truncate']],
])('%s: DiskFullError, and the file is not written again', async (_, kinds) => {
  await using queue = await simulated.open();
  await queue.append(Buffer.from('one'));
  simulated.disk.fault = ({ kind, path }) => {
    return path === simulated.segment() && kinds.includes(kind) ? 'ENOSPC' : undefined;
  };
  await expect(queue.append(Buffer.from('lost'))).rejects.toBeInstanceOf(DiskFullError);
  simulated.disk.fault = () => undefined;
  expect(await queue.append(Buffer.from('two'))).toBe(2);
  expect(simulated.disk.bytesOf(simulated.segment(1)).includes('two')).toBe(true);
  expect(await waiting(queue)).toEqual(['one', 'two']);
});

test('a full disk is served: consumers read, acknowledge, and what they are done with is deleted', async () => {
  await using queue = await simulated.open({ segmentBytesMax: 100 });
  for (let count = 0; count < 5; count += 1) await queue.append(Buffer.alloc(60));
  free(0);
  await expect(queue.append(Buffer.from('x'))).rejects.toBeInstanceOf(DiskFullError);
  const entries = await queue.read('sink', Infinity, never);
  expect(entries).toHaveLength(5);
  await queue.acknowledge('sink', 4);
  expect(simulated.segments).toHaveLength(1);
  expect(await queue.append(Buffer.from('x'))).toBe(6);
});

test('a full disk where even a position needs room: the reserve is given up for it', async () => {
  await using queue = await simulated.open({ segmentBytesMax: 100 });
  for (let count = 0; count < 5; count += 1) await queue.append(Buffer.alloc(60));
  free(0);
  fail('write', /positions$|positions\.new$/, 'ENOSPC');
  await queue.acknowledge('sink', 4);
  expect(simulated.disk.paths).not.toContain('/queue/reserve');
  free(100);
  await expect(queue.append(Buffer.from('x'))).rejects.toBeInstanceOf(DiskFullError);
  simulated.disk.capacity = Infinity;
  expect(await queue.append(Buffer.from('x'))).toBe(6);
  expect(simulated.disk.paths).toContain('/queue/reserve');
});

test('the disk is full at the start: the queue opens and serves its consumers', async () => {
  await simulated.holding(['one', 'two']);
  await simulated.disk.remove('/queue/reserve');
  free(0);
  await using queue = await simulated.open();
  expect(simulated.disk.paths).not.toContain('/queue/reserve');
  expect(await waiting(queue)).toEqual(['one', 'two']);
  await queue.acknowledge('sink', 1);
  await expect(queue.append(Buffer.from('x'))).rejects.toBeInstanceOf(DiskFullError);
  expect(await waiting(queue)).toEqual(['two']);
});

test('a position cannot be written: the acknowledgement rejects, nothing moves, and the next one lasts', async () => {
  const queue = await simulated.open();
  await queue.append(Buffer.from('one'));
  await queue.append(Buffer.from('two'));
  fail('datasync', /positions/, 'EIO', 2);
  await expect(queue.acknowledge('sink', 1)).rejects.toMatchObject({ code: 'EIO' });
  expect(await waiting(queue)).toEqual(['one', 'two']);
  await queue.acknowledge('sink', 1);
  expect(await waiting(queue)).toEqual(['two']);
  const after = new SimulatedQueue();
  after.disk = simulated.disk.afterPowerCut(simulated.disk.operations.length, randomFrom(1));
  await using again = await after.open();
  expect(await waiting(again)).toEqual(['two']);
});

test('fsync of the positions fails: a new file takes their place', async () => {
  await using queue = await simulated.open();
  await queue.append(Buffer.from('one'));
  fail('datasync', /positions/, 'EIO');
  await queue.acknowledge('sink', 1);
  const after = new SimulatedQueue();
  after.disk = simulated.disk.afterPowerCut(simulated.disk.operations.length, randomFrom(1));
  await using again = await after.open();
  expect(await waiting(again)).toEqual([]);
});

test('a sector cannot be read: the block on it is lost, and counted', async () => {
  const blocks = Array.from({ length: 30 }, (_, index) => `${index} ${'x'.repeat(1000)}`);
  await simulated.holding(blocks);
  badSector(simulated.segment(), 12_288);
  await using queue = await simulated.open();
  const left = await waiting(queue);
  expect(left).toEqual(blocks.filter((block) => left.includes(block)));
  expect(left.length).toBeGreaterThanOrEqual(25);
  expect(left.length).toBeLessThan(30);
  expect(simulated.incidents).toMatchObject([{ kind: 'damaged', blocks: 30 - left.length }]);
});

test('a sector goes bad while the queue is open: the block on it is passed over', async () => {
  await using queue = await simulated.open();
  const blocks = Array.from({ length: 30 }, (_, index) => `${index} ${'x'.repeat(1000)}`);
  for (const block of blocks) await queue.append(Buffer.from(block));
  badSector(simulated.segment(), 12_288);
  const left = await waiting(queue);
  expect(left.length).toBeGreaterThanOrEqual(25);
  expect(left.length).toBeLessThan(30);
});

test('there is no descriptor left for a moment: the read rejects, and the next one reads', async () => {
  await simulated.holding(['one']);
  await using queue = await simulated.open();
  const { disk } = simulated;
  const open = disk.open.bind(disk);
  disk.open = () => Promise.reject(Object.assign(new Error('EMFILE'), { code: 'EMFILE' }));
  await expect(queue.read('sink', 1, never)).rejects.toMatchObject({ code: 'EMFILE' });
  disk.open = open;
  expect(await waiting(queue)).toEqual(['one']);
});

test('the sector with the header of a segment cannot be read: the blocks behind it are', async () => {
  const blocks = Array.from({ length: 30 }, (_, index) => `${index} ${'x'.repeat(1000)}`);
  await simulated.holding(blocks);
  await simulated.holding(['last']);
  badSector(simulated.segment(), 0);
  await using queue = await simulated.open();
  const left = await waiting(queue);
  expect(left).toEqual([...blocks, 'last'].filter((block) => left.includes(block)));
  expect(left.length).toBeGreaterThanOrEqual(26);
});

test('a segment cannot be deleted: that is reported, and tried again', async () => {
  await using queue = await simulated.open({ segmentBytesMax: 40 });
  for (const block of ['one', 'two', 'three']) await queue.append(Buffer.from(block));
  fail('remove', /segment/, 'EPERM');
  await queue.acknowledge('sink', 2);
  expect(simulated.segments).toHaveLength(3);
  expect(simulated.incidents).toMatchObject([{ kind: 'trouble' }]);
  await queue.acknowledge('sink', 2);
  expect(simulated.segments).toHaveLength(1);
});

test('a segment is dropped and deleted between two reads of it: the reader goes on behind it', async () => {
  const lossy = { name: 'sink', bytesMax: 200, ageMaxMs: Infinity, required: false };
  await using queue = await simulated.open({ consumers: [lossy], segmentBytesMax: 200 });
  for (const block of ['one', 'two', 'three']) await queue.append(Buffer.from(block));
  simulated.flip(simulated.segment(), 'two');
  expect(await waiting(queue)).toEqual(['one', 'three']);
  const path = simulated.segment();
  let appended: Promise<unknown> | undefined;
  simulated.disk.meanwhile = async ({ kind, path: touched }) => {
    if (kind !== 'read' || touched !== path || appended) return;
    appended = queue.append(Buffer.alloc(199));
    while (simulated.segments.includes(path)) await setImmediate();
  };
  const entries = await queue.read('sink', Infinity, never);
  expect(entries.map(({ position }) => position)).toEqual([4]);
  await appended;
});

test('a checkpoint that throws rejects the append, and leaves no file', async () => {
  let broken = true;
  const checkpoint = (): Uint8Array => {
    if (broken) throw new Error('no state yet');
    return Buffer.from('state');
  };
  await using queue = await simulated.open({ checkpoint });
  await expect(queue.append(Buffer.from('one'))).rejects.toThrow('no state yet');
  expect(simulated.segments).toEqual([]);
  broken = false;
  expect(await queue.append(Buffer.from('one'))).toBe(1);
});

function badSector(file: string, offset: number): void {
  simulated.disk.fault = (operation) => {
    if (operation.kind !== 'read' || operation.path !== file) return undefined;
    const touches =
      operation.offset < offset + 4096 && operation.offset + operation.length > offset;
    return touches ? 'EIO' : undefined;
  };
}
