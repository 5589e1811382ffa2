/** One test for each state a disk may be found in. */
import { crc32 } from 'node:zlib';
import { beforeEach, expect, test } from 'vitest';
import { ManualClock } from '#test/support/clocks/manual-clock';
import { never, SimulatedQueue, waiting } from './simulated-queue.ts';

let simulated: SimulatedQueue;

beforeEach(() => {
  simulated = new SimulatedQueue();
});

test('the last record is cut short: it goes, the others stay, the next block takes its place', async () => {
  await simulated.killedHolding(['one', 'two', 'three']);
  simulated.disk.cut(simulated.segment(), 2);
  await using queue = await simulated.open();
  expect(await waiting(queue)).toEqual(['one', 'two']);
  expect(simulated.incidents).toMatchObject([{ kind: 'torn', bytes: 32 + 3 }]);
  expect(await queue.append(Buffer.from('four'))).toBe(3);
  expect(await waiting(queue)).toEqual(['one', 'two', 'four']);
});

test('a torn tail is cut from the file, and reported once', async () => {
  await simulated.killedHolding(['one', 'two']);
  simulated.disk.cut(simulated.segment(), 1);
  await using first = await simulated.open();
  await first[Symbol.asyncDispose]();
  await using queue = await simulated.open();
  expect(await waiting(queue)).toEqual(['one']);
  expect(simulated.incidents).toHaveLength(1);
});

test('the file has grown but its data never arrived: the zeros are cut', async () => {
  await simulated.killedHolding(['one', 'two']);
  simulated.disk.cut(simulated.segment(), -5000);
  await using queue = await simulated.open();
  expect(await waiting(queue)).toEqual(['one', 'two']);
  expect(simulated.incidents).toMatchObject([{ kind: 'torn', bytes: 5000 }]);
});

test('a group was written out of order: what stands behind its first hole is cut too', async () => {
  const queue = await simulated.open();
  await queue.append(Buffer.from('before'));
  await Promise.all(['g0', 'g1', 'g2', 'g3'].map((block) => queue.append(Buffer.from(block))));
  simulated.kill();
  simulated.flip(simulated.segment(), 'g1');
  await using again = await simulated.open();
  expect(await waiting(again)).toEqual(['before', 'g0']);
  expect(simulated.incidents.map(({ kind }) => kind)).toEqual(['torn']);
});

test('a hole in a group that was synced is damage: only the block that was hit is lost', async () => {
  const queue = await simulated.open();
  await Promise.all(['g0', 'g1', 'g2'].map((block) => queue.append(Buffer.from(block))));
  await queue.append(Buffer.from('after'));
  simulated.kill();
  simulated.flip(simulated.segment(), 'g1');
  await using again = await simulated.open();
  expect(await waiting(again)).toEqual(['g0', 'g2', 'after']);
  expect(simulated.incidents).toMatchObject([{ kind: 'damaged', blocks: 1, bytes: 32 + 2 }]);
});

test('an orderly stop proves the last group: a hole in it is damage', async () => {
  const queue = await simulated.open();
  await Promise.all(['g0', 'g1', 'g2'].map((block) => queue.append(Buffer.from(block))));
  await queue[Symbol.asyncDispose]();
  simulated.flip(simulated.segment(), 'g1');
  await using again = await simulated.open();
  expect(await waiting(again)).toEqual(['g0', 'g2']);
});

test('an acknowledgement proves the last group too', async () => {
  const queue = await simulated.open();
  await Promise.all(['g0', 'g1', 'g2'].map((block) => queue.append(Buffer.from(block))));
  await queue.acknowledge('sink', 1);
  simulated.kill();
  simulated.flip(simulated.segment(), 'g1');
  await using again = await simulated.open();
  expect(await waiting(again)).toEqual(['g2']);
});

test('the header of a record is damaged: the next is found by its marker', async () => {
  await simulated.holding(['one', 'two', 'three']);
  simulated.flip(simulated.segment(), 'two', -30);
  await using queue = await simulated.open();
  expect(await waiting(queue)).toEqual(['one', 'three']);
  expect(queue.statistics('sink')).toMatchObject({ pendingBlocks: 2, pendingBytes: 8 });
  expect(simulated.incidents).toMatchObject([{ kind: 'damaged', blocks: 1, bytes: 32 + 3 }]);
});

test('a page in the middle is gone: what does not touch it is read', async () => {
  const blocks = Array.from({ length: 40 }, (_, index) => `${index} ${'x'.repeat(500)}`);
  await simulated.holding(blocks);
  simulated.disk.bytesOf(simulated.segment()).fill(0, 8192, 12_288);
  await using queue = await simulated.open();
  const left = await waiting(queue);
  expect(left).toEqual(blocks.filter((block) => left.includes(block)));
  expect(left.length).toBeGreaterThanOrEqual(40 - 10);
  expect(simulated.incidents).toMatchObject([{ kind: 'damaged', blocks: 40 - left.length }]);
});

test('a damaged record holds bytes that look like records: none of them surfaces', async () => {
  await simulated.holding(['stolen']);
  const copy = Buffer.from(simulated.disk.bytesOf(simulated.segment()));
  const other = new SimulatedQueue();
  const queue = await other.open();
  for (const block of [Buffer.from('one'), copy, Buffer.from('three')]) await queue.append(block);
  await queue[Symbol.asyncDispose]();
  const bytes = other.disk.bytesOf(other.segment());
  const header = bytes.indexOf(copy) - 32;
  bytes.fill(0, header, header + 32);
  await using again = await other.open();
  expect(await waiting(again)).toEqual(['one', 'three']);
});

test('the header of a segment is damaged: its blocks are read all the same', async () => {
  await simulated.holding(['one', 'two']);
  await simulated.holding(['three']);
  simulated.disk.bytesOf(simulated.segment()).fill(0, 0, 64);
  await using queue = await simulated.open();
  expect(await waiting(queue)).toEqual(['one', 'two', 'three']);
  expect(simulated.incidents).toMatchObject([{ kind: 'damaged', blocks: 0, bytes: 64 }]);
});

test('the header of the newest segment is damaged: blocks and positions go on', async () => {
  await simulated.holding(['one', 'two']);
  simulated.disk.bytesOf(simulated.segment()).fill(0, 0, 64);
  await using queue = await simulated.open();
  expect(await waiting(queue)).toEqual(['one', 'two']);
  expect(await queue.append(Buffer.from('three'))).toBe(3);
});

test('a segment that lost blocks is kept aside when its turn to be deleted comes', async () => {
  await simulated.holding(['one', 'two']);
  const path = simulated.segment();
  simulated.flip(path, 'one');
  const before = Buffer.from(simulated.disk.bytesOf(path));
  await using queue = await simulated.open();
  await queue.append(Buffer.from('three'));
  expect(await waiting(queue)).toEqual(['two', 'three']);
  await queue.acknowledge('sink', 3);
  expect(simulated.segments).not.toContain(path);
  expect(simulated.disk.bytesOf(`${path}.damaged`)).toEqual(before);
});

test('of the segments kept aside, the oldest make room', async () => {
  for (let count = 0; count < 20; count += 1) {
    await simulated.holding([`block ${count}`]);
    simulated.flip(simulated.segment(-1 + simulated.segments.length), `block ${count}`);
  }
  await simulated.holding(['last']);
  await using queue = await simulated.open();
  expect(await waiting(queue)).toEqual(['last']);
  await queue.acknowledge('sink', 21);
  const kept = simulated.disk.paths.filter((path) => path.endsWith('.damaged'));
  expect(kept).toHaveLength(16);
  expect(kept.at(-1)).toBe('/queue/000000000020.segment.damaged');
});

test('a segment is gone: its blocks are counted as lost, the others are read', async () => {
  await simulated.holding(['one']);
  await simulated.holding(['two', 'three']);
  await simulated.holding(['four']);
  await simulated.disk.remove(simulated.segment(1));
  await using queue = await simulated.open();
  expect(await waiting(queue)).toEqual(['one', 'four']);
  expect(simulated.incidents).toMatchObject([{ kind: 'damaged', blocks: 2 }]);
});

test('a segment goes while the queue is open: the others are read', async () => {
  await simulated.holding(['one']);
  await simulated.holding(['two']);
  await simulated.holding(['three']);
  await using queue = await simulated.open();
  await simulated.disk.remove(simulated.segment(1));
  expect(await waiting(queue)).toEqual(['one', 'three']);
  expect(simulated.incidents).toMatchObject([{ kind: 'damaged', blocks: 1 }]);
});

test('a block rots while the queue is open: it is passed over at the next read', async () => {
  await using queue = await simulated.open();
  for (const block of ['one', 'two', 'three']) await queue.append(Buffer.from(block));
  expect(await waiting(queue)).toEqual(['one', 'two', 'three']);
  simulated.flip(simulated.segment(), 'two');
  expect(await waiting(queue)).toEqual(['one', 'three']);
  await queue.append(Buffer.from('four'));
  expect(await waiting(queue)).toEqual(['one', 'three', 'four']);
  expect(queue.statistics('sink')).toMatchObject({ pendingBlocks: 3, pendingBytes: 12 });
  expect(simulated.incidents).toMatchObject([{ kind: 'damaged', blocks: 1 }]);
});

test('everything there was has rotted: a reader waits for the next block', async () => {
  await simulated.holding(['one']);
  simulated.flip(simulated.segment(), 'one');
  await using queue = await simulated.open();
  const reading = queue.read('sink', Infinity, never);
  expect(await queue.append(Buffer.from('two'))).toBe(2);
  expect((await reading).map(({ position }) => position)).toEqual([2]);
});

test('the rest of a segment has rotted: what waits in later ones is counted, with its age', async () => {
  const clock = new ManualClock();
  await simulated.holding(['one', 'two'], { clock });
  await clock.advance(5000);
  await simulated.holding(['three'], { clock });
  await acknowledged(1);
  simulated.flip(simulated.segment(), 'two');
  await using queue = await simulated.open({ clock });
  expect(queue.statistics('sink')).toMatchObject({
    pendingBlocks: 1,
    pendingBytes: 5,
    oldestUnixMs: clock.unixMs(),
  });
});

test('the newest checkpoint is damaged: the one before and all blocks since are recovered', async () => {
  await simulated.holding(['one'], { checkpoint: () => Buffer.from('first state') });
  await simulated.holding(['two'], { checkpoint: () => Buffer.from('second state') });
  simulated.flip(simulated.segment(1), 'second');
  await using queue = await simulated.open({ checkpoint: () => Buffer.from('third state') });
  expect(Buffer.from(queue.recovered.checkpoint ?? []).toString()).toBe('first state');
  expect(queue.recovered.since.map(({ position }) => position)).toEqual([1, 2]);
});

test('no checkpoint can be read: every block there is is recovered', async () => {
  await simulated.holding(['one', 'two'], { checkpoint: () => Buffer.from('state') });
  simulated.flip(simulated.segment(), 'state');
  await using queue = await simulated.open({ checkpoint: () => Buffer.from('state') });
  expect(queue.recovered.checkpoint).toBeUndefined();
  expect(queue.recovered.since.map(({ position }) => position)).toEqual([1, 2]);
});

test('the segment with the newest readable checkpoint stays although everybody is done with it', async () => {
  await simulated.holding(['one'], { checkpoint: () => Buffer.from('first state') });
  await simulated.holding(['two'], { checkpoint: () => Buffer.from('second state') });
  simulated.flip(simulated.segment(1), 'second');
  {
    await using queue = await simulated.open({ checkpoint: () => Buffer.from('') });
    await queue.acknowledge('sink', 2);
  }
  expect(simulated.segments).toHaveLength(2);
  await using queue = await simulated.open({ checkpoint: () => Buffer.from('') });
  expect(Buffer.from(queue.recovered.checkpoint ?? []).toString()).toBe('first state');
});

test.each([0, 8192])(
  'the slot of the positions at byte %i is damaged: at most the last acknowledgement is forgotten',
  async (slot) => {
    await simulated.holding(['one', 'two', 'three']);
    const { id } = await acknowledged(1);
    {
      await using queue = await simulated.open();
      await queue.acknowledge('sink', 1);
      await queue.acknowledge('sink', 2);
    }
    simulated.disk.bytesOf('/queue/positions').fill(0xff, slot, slot + 100);
    await using queue = await simulated.open();
    expect(await waiting(queue)).toEqual(expect.arrayContaining(['three']));
    expect(queue.statistics('sink').pendingBlocks).toBeLessThanOrEqual(2);
    expect(queue.id).toBe(id);
    expect(simulated.incidents).toEqual([]);
  },
);

test('the positions are damaged: every consumer starts again, under the same id', async () => {
  await simulated.holding(['one', 'two']);
  const { id } = await acknowledged(1);
  simulated.disk.bytesOf('/queue/positions').fill(0xff);
  await using queue = await simulated.open();
  expect(await waiting(queue)).toEqual(['one', 'two']);
  expect(queue.id).toBe(id);
  expect(simulated.incidents).toEqual([{ kind: 'positions_damaged', file: '/queue/positions' }]);
});

test('the positions are gone: every consumer starts again, under the same id', async () => {
  await simulated.holding(['one', 'two']);
  const { id } = await acknowledged(1);
  await simulated.disk.remove('/queue/positions');
  await using queue = await simulated.open();
  expect(await waiting(queue)).toEqual(['one', 'two']);
  expect(queue.id).toBe(id);
});

test('a position lies beyond the newest block: the next block comes after it', async () => {
  await simulated.holding(['one', 'two', 'three']);
  await acknowledged(3);
  simulated.disk.cut(simulated.segment(), 32 + (32 + 5) + (32 + 3));
  await using queue = await simulated.open();
  expect(simulated.incidents).toMatchObject([{ kind: 'damaged', blocks: 2 }]);
  expect(await queue.append(Buffer.from('four'))).toBe(4);
  expect(await waiting(queue)).toEqual(['four']);
});

test('all segments are gone: positions go on where they were', async () => {
  await simulated.holding(['one', 'two']);
  await acknowledged(2);
  await simulated.disk.remove(simulated.segment());
  await using queue = await simulated.open();
  expect(await queue.append(Buffer.from('three'))).toBe(3);
});

test('a segment is empty, because the power went while it was made', async () => {
  await simulated.holding(['one']);
  await (await simulated.disk.create('/queue/000000000002.segment')).close();
  await using queue = await simulated.open();
  expect(await queue.append(Buffer.from('two'))).toBe(2);
  expect(await waiting(queue)).toEqual(['one', 'two']);
});

test('a segment holds nothing that can be read: it is kept aside', async () => {
  await simulated.holding(['one']);
  const file = await simulated.disk.create('/queue/000000000002.segment');
  await file.write([Buffer.alloc(5000, 'garbage')], 0);
  await using queue = await simulated.open();
  expect(await waiting(queue)).toEqual(['one']);
  expect(simulated.disk.paths).toContain('/queue/000000000002.segment.damaged');
});

test('a segment of a newer program is refused by name, and left alone', async () => {
  await simulated.holding(['one']);
  const bytes = simulated.disk.bytesOf(simulated.segment());
  const newer = Buffer.from(bytes);
  newer.writeUInt32LE(2, 12);
  sealPreamble(newer);
  newer.copy(bytes);
  await expect(simulated.open()).rejects.toThrow(
    /cannot read \/queue\/000000000001\.segment: it has format version 2, this program knows up to 1/,
  );
  expect(simulated.disk.bytesOf(simulated.segment())).toEqual(newer);
});

test('positions of a newer program are refused by name, and left alone', async () => {
  await simulated.holding(['one']);
  const bytes = simulated.disk.bytesOf('/queue/positions');
  for (const slot of [bytes.subarray(0, 8192), bytes.subarray(8192)]) {
    slot.write('farpointposi', 0, 'latin1');
    slot.writeUInt32LE(7, 12);
    sealPreamble(slot);
  }
  const newer = Buffer.from(bytes);
  await expect(simulated.open()).rejects.toThrow(/\/queue\/positions: it has format version 7/);
  expect(simulated.disk.bytesOf('/queue/positions')).toEqual(newer);
});

test('a segment of another queue is refused by name', async () => {
  const other = new SimulatedQueue();
  await other.holding(['foreign']);
  await simulated.holding(['one']);
  const file = await simulated.disk.create('/queue/000000000002.segment');
  await file.write([other.disk.bytesOf(other.segment())], 0);
  await expect(simulated.open()).rejects.toThrow(
    /\/queue\/000000000002\.segment belongs to another queue/,
  );
});

test('files of others in the folder are left alone', async () => {
  await (await simulated.disk.create('/queue/notes.txt')).close();
  await (await simulated.disk.create('/queue/positions.new')).close();
  await simulated.holding(['one']);
  await using queue = await simulated.open();
  expect(await waiting(queue)).toEqual(['one']);
  expect(simulated.disk.paths).toContain('/queue/notes.txt');
  expect(simulated.disk.paths).not.toContain('/queue/positions.new');
});

async function acknowledged(position: number): Promise<{ id: string }> {
  await using queue = await simulated.open();
  await queue.acknowledge('sink', position);
  return { id: queue.id };
}

function sealPreamble(bytes: Buffer): void {
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 16)), 16);
}
