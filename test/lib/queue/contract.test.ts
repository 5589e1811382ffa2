import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openQueue, type Queue, QueueFullError, type QueueIncident } from '#lib/queue';

const never = new AbortController().signal;
let directory: string;
let nowMs: number;
let incidents: QueueIncident[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'farpoint-queue-'));
  nowMs = 1_000_000;
  incidents = [];
});

afterEach(() => rm(directory, { recursive: true, force: true }));

interface Settings {
  bytesMax?: number;
  ageMaxMs?: number;
  required?: boolean;
  names?: readonly string[];
  checkpoint?: () => Uint8Array;
  segmentBytesMax?: number;
}

function open(settings: Settings = {}): Promise<Queue> {
  const { names = ['sink'], checkpoint, segmentBytesMax = 1000 } = settings;
  const { bytesMax = Infinity, ageMaxMs = Infinity, required = true } = settings;
  return openQueue({
    directory,
    clock: {
      unixMs: () => nowMs,
      monotonicMs: () => nowMs,
      sleep: () => Promise.reject(new Error('the queue does not sleep')),
    },
    consumers: names.map((name) => ({ name, bytesMax, ageMaxMs, required })),
    segmentBytesMax,
    report: (incident) => incidents.push(incident),
    ...(checkpoint && { checkpoint }),
  });
}

async function texts(queue: Queue, consumer = 'sink', bytesMax = Infinity): Promise<string[]> {
  const entries = await queue.read(consumer, bytesMax, never);
  return entries.map(({ block }) => Buffer.from(block).toString());
}

const appendAll = (queue: Queue, ...blocks: string[]): Promise<number[]> =>
  Promise.all(blocks.map((block) => queue.append(Buffer.from(block))));

test('positions count from 1, in the order of the calls, over restarts', async () => {
  {
    await using queue = await open();
    expect(await appendAll(queue, 'a', 'b', 'c')).toEqual([1, 2, 3]);
  }
  await using queue = await open();
  expect(await queue.append(Buffer.from('d'))).toBe(4);
  expect(await texts(queue)).toEqual(['a', 'b', 'c', 'd']);
});

test('reading moves nothing; acknowledging does, and lasts', async () => {
  {
    await using queue = await open();
    await appendAll(queue, 'a', 'b', 'c');
    expect(await texts(queue)).toEqual(['a', 'b', 'c']);
    expect(await texts(queue)).toEqual(['a', 'b', 'c']);
    await queue.acknowledge('sink', 2);
    expect(await texts(queue)).toEqual(['c']);
  }
  await using queue = await open();
  expect(await texts(queue)).toEqual(['c']);
});

test('a read gives as many blocks as fit, but at least one, across segments', async () => {
  await using queue = await open({ segmentBytesMax: 200 });
  for (const block of ['aaaa', 'bbbb', 'cccc', 'dddd', 'eeee', 'ffff']) {
    await appendAll(queue, block);
  }
  expect(await texts(queue, 'sink', 20)).toEqual(['aaaa', 'bbbb', 'cccc', 'dddd', 'eeee']);
  expect(await texts(queue, 'sink', 9)).toEqual(['aaaa', 'bbbb']);
  expect(await texts(queue, 'sink', 1)).toEqual(['aaaa']);
});

test('a waiting read wakes on append, and stops when its signal aborts', async () => {
  await using queue = await open();
  const waiting = texts(queue);
  await appendAll(queue, 'a');
  expect(await waiting).toEqual(['a']);
  await queue.acknowledge('sink', 1);
  const stop = new AbortController();
  const stopped = queue.read('sink', 1, stop.signal);
  stop.abort(new Error('enough'));
  await expect(stopped).rejects.toThrow('enough');
});

test('each consumer has a position of its own; segments go when all are done with them', async () => {
  await using queue = await open({ names: ['fast', 'slow'], segmentBytesMax: 200 });
  for (let count = 0; count < 20; count += 1) await appendAll(queue, 'x'.repeat(50));
  await queue.acknowledge('fast', 20);
  const before = (await readdir(directory)).filter((name) => name.endsWith('.segment'));
  expect(before.length).toBeGreaterThan(5);
  expect(queue.statistics('fast').pendingBlocks).toBe(0);
  expect(queue.statistics('slow')).toMatchObject({ pendingBlocks: 20, pendingBytes: 1000 });
  await queue.acknowledge('slow', 20);
  const after = (await readdir(directory)).filter((name) => name.endsWith('.segment'));
  expect(after).toHaveLength(1);
});

test('a new consumer starts at the oldest block; one no longer configured is forgotten', async () => {
  {
    await using queue = await open({ names: ['old'] });
    await appendAll(queue, 'a', 'b');
  }
  await using queue = await open({ names: ['new'] });
  expect(await texts(queue, 'new')).toEqual(['a', 'b']);
  expect(incidents).toEqual([{ kind: 'forgotten', consumer: 'old', blocks: 2 }]);
});

test('a required consumer that is full makes append reject', async () => {
  await using queue = await open({ bytesMax: 10 });
  await appendAll(queue, '12345', '67890');
  await expect(appendAll(queue, 'x')).rejects.toBeInstanceOf(QueueFullError);
  await queue.acknowledge('sink', 1);
  expect(await appendAll(queue, 'x')).toEqual([3]);
});

test('a consumer that is not required drops its own oldest blocks, and counts them', async () => {
  await using queue = await open({ bytesMax: 10, required: false });
  await appendAll(queue, '12345');
  await appendAll(queue, '67890');
  await appendAll(queue, 'x');
  expect(await texts(queue)).toEqual(['67890', 'x']);
  expect(queue.statistics('sink')).toMatchObject({ droppedBlocks: 1, droppedBytes: 5 });
  expect(incidents).toEqual([
    { kind: 'dropped', consumer: 'sink', blocks: 1, bytes: 5, reason: 'bytes' },
  ]);
});

test('blocks older than the bound are dropped', async () => {
  await using queue = await open({ ageMaxMs: 1000, required: false });
  await appendAll(queue, 'old');
  nowMs += 1001;
  await appendAll(queue, 'new');
  expect(await texts(queue)).toEqual(['new']);
  expect(queue.statistics('sink')).toMatchObject({ droppedBlocks: 1, oldestUnixMs: nowMs });
});

test('a restart finds the checkpoint of the newest segment and every block after it', async () => {
  let state = '';
  const checkpoint = (): Uint8Array => Buffer.from(state);
  {
    await using queue = await open({ checkpoint, segmentBytesMax: 100 });
    for (const block of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i']) {
      await appendAll(queue, block);
      state += block;
    }
    await queue.acknowledge('sink', 9);
  }
  await using queue = await open({ checkpoint });
  const { checkpoint: found, since } = queue.recovered;
  const replayed = since.map(({ block }) => Buffer.from(block).toString()).join('');
  expect(Buffer.from(found ?? []).toString()).not.toBe('');
  expect(Buffer.from(found ?? []).toString() + replayed).toBe('abcdefghi');
});

test('what was recovered is given back with the first append', async () => {
  const checkpoint = (): Uint8Array => Buffer.from('state');
  {
    await using queue = await open({ checkpoint });
    await appendAll(queue, 'a');
  }
  await using queue = await open({ checkpoint });
  expect(queue.recovered.since).toHaveLength(1);
  await appendAll(queue, 'b');
  expect(queue.recovered).toEqual({ checkpoint: undefined, since: [] });
});

test('the checkpoint of a new segment holds what every block says whose append has resolved', async () => {
  const resolved: number[] = [];
  const seen: string[] = [];
  const checkpoint = (): Uint8Array => {
    seen.push(resolved.join());
    return Buffer.from(resolved.join());
  };
  await using queue = await open({ checkpoint, segmentBytesMax: 40 });
  const appendAndNote = async (block: string): Promise<void> => {
    resolved.push(await queue.append(Buffer.from(block)));
  };
  await Promise.all(['a', 'b', 'c'].map((letter) => appendAndNote(letter.repeat(40))));
  expect(seen).toEqual(['', '1', '1,2']);
});

test('acknowledging again, or less, moves nothing back', async () => {
  await using queue = await open();
  await appendAll(queue, 'a', 'b', 'c');
  await queue.acknowledge('sink', 2);
  await queue.acknowledge('sink', 1);
  await queue.acknowledge('sink', 0);
  expect(await texts(queue)).toEqual(['c']);
});

test('a block that is dropped while it is delivered may still be acknowledged', async () => {
  await using queue = await open({ bytesMax: 10, required: false });
  await appendAll(queue, '12345');
  const [entry] = await queue.read('sink', Infinity, never);
  await appendAll(queue, '67890');
  await appendAll(queue, 'abcde');
  await queue.acknowledge('sink', entry?.position ?? 0);
  expect(await texts(queue)).toEqual(['67890', 'abcde']);
});

test('a slow reader is served while its segments are dropped and deleted under it', async () => {
  await using queue = await open({ bytesMax: 3000, required: false, segmentBytesMax: 500 });
  const stop = new AbortController();
  let newest = 0;
  const reading = (async () => {
    for (;;) {
      const entries = await queue.read('sink', 1000, stop.signal);
      for (const { position, block } of entries) {
        expect(Buffer.from(block).readUInt32LE(0)).toBe(position);
        newest = Math.max(newest, position);
      }
    }
  })();
  for (let count = 1; count <= 300; count += 1) {
    const block = Buffer.alloc(100);
    block.writeUInt32LE(count);
    await queue.append(block);
  }
  stop.abort(new Error('enough'));
  await expect(reading).rejects.toThrow('enough');
  expect(newest).toBeGreaterThan(100);
  expect(incidents.every(({ kind }) => kind === 'dropped')).toBe(true);
});

test('what makes no sense is refused with the reason', async () => {
  await using queue = await open();
  await appendAll(queue, 'a');
  await expect(queue.acknowledge('sink', 2)).rejects.toThrow(
    'cannot acknowledge 2: the newest block is 1',
  );
  await expect(queue.read('nobody', 1, never)).rejects.toThrow('no consumer "nobody"');
  await expect(queue.append(Buffer.alloc((64 << 20) + 1))).rejects.toThrow(RangeError);
});

test('closing finishes what was accepted, ends waiting reads, and refuses the rest', async () => {
  const queue = await open();
  const [reading] = await Promise.allSettled([
    queue.read('sink', 1, never),
    queue[Symbol.asyncDispose](),
  ]);
  expect(reading).toMatchObject({ reason: new Error('cannot read: the queue is closed') });
  await expect(queue.append(Buffer.of(1))).rejects.toThrow('the queue is closed');
  await expect(queue.acknowledge('sink', 0)).rejects.toThrow('the queue is closed');
  await using again = await open();
  const appended = appendAll(again, 'a', 'b');
  await again[Symbol.asyncDispose]();
  expect(await appended).toEqual([1, 2]);
});

test('a lock that cannot be taken for another reason says which', async () => {
  await mkdir(join(directory, 'lock'));
  await expect(open()).rejects.toThrow(/cannot lock .*: unable to open database file/);
});

test('the lock goes when the queue could not be opened', async () => {
  const path = join(directory, '000000000001.segment');
  await writeFile(path, newerPreamble());
  await expect(open()).rejects.toThrow('format version 9');
  await rm(path);
  await using queue = await open();
  expect(await appendAll(queue, 'a')).toEqual([1]);
});

test('what is written is for its owner only', async () => {
  await using queue = await open();
  await appendAll(queue, 'secret');
  for (const name of ['000000000001.segment', 'positions']) {
    const { mode } = await stat(join(directory, name));
    expect(mode & 0o077).toBe(0);
  }
});

test('a folder is opened once at a time', async () => {
  await using queue = await open();
  await expect(open()).rejects.toThrow(/cannot lock .*another process is using this folder/);
  expect(queue.statistics('sink').pendingBlocks).toBe(0);
});

function newerPreamble(): Buffer {
  const bytes = Buffer.alloc(64);
  bytes.write('farpointsegm', 0, 'latin1');
  bytes.writeUInt32LE(9, 12);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 16)), 16);
  return bytes;
}
