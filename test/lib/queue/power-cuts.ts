import { openQueue, type Queue, type QueueEntry, type QueueIncident } from '#lib/queue/queue';
import { ManualClock } from '#test/support/manual-clock';
import { below, randomFrom } from '#test/support/random';
import { SimulatedDisk } from '#test/support/simulated-disk';

/** What was asked of the queue, and when it answered, in operations of the disk. */
interface Event {
  readonly position: number;
  readonly calledAt: number;
  resolvedAt: number;
}

interface History {
  readonly disk: SimulatedDisk;
  /** By position − 1. */
  readonly blocks: Buffer[];
  readonly appends: Event[];
  readonly acknowledgements: Event[];
}

const never = new AbortController().signal;
const boundBytes = 3000;

/**
 * Runs random histories of the queue on a simulated disk and cuts the power after each of their operations,
 * `count` times in all. Throws at the first promise that is not kept, with the seed that shows it.
 */
export async function cutPower(count: number, seed: number): Promise<void> {
  let cuts = 0;
  for (let round = seed; cuts < count; round += 1) {
    const history = await live(randomFrom(round));
    for (let cut = 0; cut <= history.disk.operations.length && cuts < count; cut += 1) {
      cuts += 1;
      try {
        await verify(history, cut, randomFrom(round * 100_003 + cut));
      } catch (cause) {
        throw new Error(`seed ${round}, power cut after operation ${cut}: ${String(cause)}`, {
          cause,
        });
      }
    }
  }
}

/** Appends, reads, acknowledges, stops and is killed, at random; the power stays on. */
export async function live(random: () => number): Promise<History> {
  const history: History = {
    disk: new SimulatedDisk(),
    blocks: [],
    appends: [],
    acknowledgements: [],
  };
  let queue = await open(history.disk, history);
  for (let step = 0; step < 25; step += 1) {
    const what = random();
    if (what < 0.6) await append(queue, history, random);
    else if (what < 0.9) await acknowledge(queue, history, random);
    else {
      if (random() < 0.5) await queue[Symbol.asyncDispose]();
      else history.disk.unlock();
      queue = await open(history.disk, history);
    }
  }
  return history;
}

function open(
  disk: SimulatedDisk,
  { appends }: { appends: readonly Event[] },
  report: (incident: QueueIncident) => void = unexpected,
): Promise<Queue> {
  return openQueue({
    directory: '/queue',
    files: disk,
    clock: new ManualClock(),
    consumers: [
      { name: 'required', bytesMax: Infinity, ageMaxMs: Infinity, required: true },
      { name: 'lossy', bytesMax: boundBytes, ageMaxMs: Infinity, required: false },
    ],
    segmentBytesMax: 2000,
    report,
    checkpoint: () => {
      const through = appends.filter(({ resolvedAt }) => resolvedAt < Infinity).length;
      return Buffer.from(JSON.stringify({ through }));
    },
  });
}

function unexpected(incident: QueueIncident): void {
  if (incident.kind !== 'dropped' && incident.kind !== 'torn') {
    throw new Error(`unexpected: ${JSON.stringify(incident)}`);
  }
}

async function append(
  queue: Queue,
  { disk, blocks, appends }: History,
  random: () => number,
): Promise<void> {
  const resolutions: Promise<void>[] = [];
  for (let count = 1 + below(random, 5); count > 0; count -= 1) {
    const event = {
      position: blocks.length + 1,
      calledAt: disk.operations.length,
      resolvedAt: Infinity,
    };
    const block = Buffer.alloc(below(random, 500), `block ${event.position} `);
    blocks.push(block);
    appends.push(event);
    resolutions.push(appendOne(queue, disk, { block, event }));
  }
  await Promise.all(resolutions);
}

async function appendOne(
  queue: Queue,
  disk: SimulatedDisk,
  { block, event }: { block: Buffer; event: Event },
): Promise<void> {
  expectEqual(await queue.append(block), event.position, 'the position of an append');
  event.resolvedAt = disk.operations.length;
}

async function acknowledge(
  queue: Queue,
  { disk, acknowledgements }: History,
  random: () => number,
): Promise<void> {
  for (const consumer of ['required', 'lossy']) {
    if (queue.statistics(consumer).pendingBlocks === 0) continue;
    const entries = await queue.read(consumer, 1 + below(random, 4000), never);
    const position = entries[below(random, entries.length)]?.position ?? 0;
    const event = { position, calledAt: disk.operations.length, resolvedAt: Infinity };
    if (consumer === 'required') acknowledgements.push(event);
    await queue.acknowledge(consumer, position);
    event.resolvedAt = disk.operations.length;
  }
}

export async function verify(history: History, cut: number, random: () => number): Promise<void> {
  let disk = history.disk.afterPowerCut(cut, random);
  if (random() < 0.3) {
    const found = disk.operations.length;
    await open(disk, { appends: [] });
    disk = disk.afterPowerCut(found + below(random, disk.operations.length - found + 1), random);
  }
  const resolved = newest(history.appends, ({ resolvedAt }) => resolvedAt <= cut);
  const acknowledged = newest(history.acknowledgements, ({ resolvedAt }) => resolvedAt <= cut);
  const asked = newest(history.acknowledgements, ({ calledAt }) => calledAt <= cut);
  const called = newest(history.appends, ({ calledAt }) => calledAt <= cut);
  const added = await verifyQueue(disk, history, { resolved, acknowledged, asked, called });
  await using again = await open(disk, { appends: [] });
  const entries = await again.read('required', Infinity, never);
  expectEqual(entries.at(-1)?.position, added, 'the position of a block appended after the cut');
}

interface Bounds {
  /** The newest block whose append had resolved. */
  readonly resolved: number;
  /** The newest block that may have been appended. */
  readonly called: number;
  /** The newest whose acknowledgement had resolved. */
  readonly acknowledged: number;
  /** The newest that may have been acknowledged. */
  readonly asked: number;
}

async function verifyQueue(disk: SimulatedDisk, history: History, bounds: Bounds): Promise<number> {
  const { blocks } = history;
  await using queue = await open(disk, { appends: [] });
  const required = await readAll(queue, 'required');
  const oldest = required[0]?.position ?? Infinity;
  if (oldest <= bounds.acknowledged) throw new Error(`${oldest} was acknowledged and is back`);
  if (bounds.resolved > bounds.asked) {
    expectAtMost(oldest, bounds.asked + 1, 'the oldest block');
    expectAtLeast(required.at(-1)?.position ?? 0, bounds.resolved, 'the newest block');
  }
  verifyEntries(required, blocks, bounds.called);
  const lossy = await readAll(queue, 'lossy');
  verifyEntries(lossy, blocks, bounds.called);
  const lossyBytes = lossy.reduce((bytes, { block }) => bytes + block.length, 0);
  expectAtMost(lossyBytes, boundBytes, 'what waits for the bounded consumer');
  verifyRecovered(queue, blocks, bounds);
  const added = await queue.append(Buffer.from('after the cut'));
  expectAtLeast(
    added,
    Math.max(bounds.resolved, bounds.asked === bounds.acknowledged ? bounds.asked : 0) + 1,
    'the next position',
  );
  return added;
}

/** A checkpoint and the blocks after it must leave no hole, and reach the newest that was resolved. */
function verifyRecovered(queue: Queue, blocks: readonly Buffer[], bounds: Bounds): void {
  const { checkpoint, since } = queue.recovered;
  const { through } = checkpoint
    ? (JSON.parse(Buffer.from(checkpoint).toString()) as { through: number })
    : { through: 0 };
  expectAtMost(since[0]?.position ?? 0, through + 1, 'the first block after the checkpoint');
  expectAtLeast(since.at(-1)?.position ?? through, bounds.resolved, 'the recovered state');
  verifyEntries(since, blocks, bounds.called);
}

async function readAll(queue: Queue, consumer: string): Promise<readonly QueueEntry[]> {
  if (queue.statistics(consumer).pendingBlocks === 0) return [];
  const entries = await queue.read(consumer, Infinity, never);
  expectEqual(
    entries.length,
    queue.statistics(consumer).pendingBlocks,
    'blocks counted as pending',
  );
  return entries;
}

/** Whole blocks, each at its own position, without a hole. */
function verifyEntries(
  entries: readonly QueueEntry[],
  blocks: readonly Buffer[],
  called: number,
): void {
  for (const [index, { position, block }] of entries.entries()) {
    expectEqual(position, (entries[0]?.position ?? 0) + index, 'a position');
    expectAtMost(position, called, 'a position');
    if (!blocks[position - 1]?.equals(block))
      throw new Error(`block ${position} is not what it was`);
  }
}

function newest(events: readonly Event[], wanted: (event: Event) => boolean): number {
  return Math.max(0, ...events.filter(wanted).map(({ position }) => position));
}

function expectEqual(actual: unknown, expected: unknown, what: string): void {
  if (actual !== expected) throw new Error(`${what} is ${String(actual)}, not ${String(expected)}`);
}

function expectAtMost(actual: number, bound: number, what: string): void {
  if (actual > bound) throw new Error(`${what} is ${actual}, at most ${bound} expected`);
}

function expectAtLeast(actual: number, bound: number, what: string): void {
  if (actual < bound) throw new Error(`${what} is ${actual}, at least ${bound} expected`);
}
