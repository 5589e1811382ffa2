import { openQueue, type Queue, type QueueEntry, type QueueIncident } from '#lib/queue';
import { ManualClock } from '#test/support/clocks/manual-clock';
import { SimulatedDisk } from '#test/support/disks/simulated-disk';
import { below, randomFrom } from '#test/support/random';

/** What was asked of the queue, and when it answered, in operations of the disk. */
interface Event {
  /** Of an append, known when it resolves. */
  position: number;
  readonly calledAt: number;
  resolvedAt: number;
}

interface History {
  /** As the process that runs sees it. */
  disk: SimulatedDisk;
  /** In the order of `appends`, each with its number in its first bytes. */
  readonly blocks: Buffer[];
  readonly appends: Event[];
  readonly acknowledgements: Event[];
  /** What the owner of the queue keeps in its checkpoint: the newest position it knows of. */
  through: number;
}

const never = new AbortController().signal;
const boundBytes = 3000;

/**
 * Runs random histories of the queue on a simulated disk, every other one with a disk that fails now and then,
 * and cuts the power after each of their operations, `count` times in all. Throws at the first promise that is
 * not kept, with the seed that shows it.
 */
export async function cutPower(count: number, seed: number): Promise<void> {
  let cuts = 0;
  for (let round = seed; cuts < count; round += 1) {
    const history = await live(randomFrom(round), round % 2 === 0 ? 0 : 0.05);
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
async function live(random: () => number, faultiness: number): Promise<History> {
  const disk = new SimulatedDisk();
  const history: History = { disk, blocks: [], appends: [], acknowledgements: [], through: 0 };
  const fault = ({ kind }: { kind: string }): string | undefined => {
    if (kind === 'read' || random() >= faultiness) return undefined;
    return random() < 0.5 ? 'EIO' : 'ENOSPC';
  };
  let queue = await reopen(history, fault);
  for (let step = 0; step < 25; step += 1) {
    const what = random();
    if (what < 0.6) await append(queue, history, random);
    else if (what < 0.9) await acknowledge(queue, history, random);
    else {
      if (random() < 0.5) await queue[Symbol.asyncDispose]();
      else history.disk = history.disk.afterKill();
      queue = await reopen(history, fault);
    }
  }
  return history;
}

/** Opens the queue; where the disk does not let it, once more after the disk was put right. */
async function reopen(history: History, fault: SimulatedDisk['fault']): Promise<Queue> {
  const { disk } = history;
  const allowed = ['dropped', 'torn', 'poisoned', 'trouble'] as const;
  const queue = await open(disk, history, allowed).catch(() => {
    disk.fault = () => undefined;
    return open(disk, history, allowed);
  });
  disk.fault = fault;
  history.through = Math.max(history.through, queue.recovered.since.at(-1)?.position ?? 0);
  return queue;
}

function open(
  disk: SimulatedDisk,
  owner: { through: number },
  allowed: readonly QueueIncident['kind'][] = ['dropped', 'torn'],
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
    report: (incident) => {
      if (!allowed.includes(incident.kind)) throw new Error(`met ${JSON.stringify(incident)}`);
    },
    checkpoint: () => Buffer.from(JSON.stringify({ through: owner.through })),
  });
}

async function append(queue: Queue, history: History, random: () => number): Promise<void> {
  const count = 1 + below(random, 5);
  await Promise.all(Array.from({ length: count }, () => appendOne(queue, history, random)));
}

/** An append that the disk refuses never resolves, as far as the history tells. */
async function appendOne(queue: Queue, history: History, random: () => number): Promise<void> {
  const { disk, blocks, appends } = history;
  const event = { position: 0, calledAt: disk.operations.length, resolvedAt: Infinity };
  appends.push(event);
  const block = Buffer.alloc(16 + below(random, 500), `block ${appends.length} `);
  block.writeUInt32LE(appends.length);
  blocks.push(block);
  try {
    event.position = await queue.append(block);
  } catch {
    return;
  }
  event.resolvedAt = disk.operations.length;
  history.through = event.position;
}

async function acknowledge(queue: Queue, history: History, random: () => number): Promise<void> {
  const { disk, acknowledgements } = history;
  for (const consumer of ['required', 'lossy']) {
    if (queue.statistics(consumer).pendingBlocks === 0) continue;
    const entries = await queue.read(consumer, 1 + below(random, 4000), never);
    const position = entries[below(random, entries.length)]?.position ?? 0;
    const event = { position, calledAt: disk.operations.length, resolvedAt: Infinity };
    if (consumer === 'required') acknowledgements.push(event);
    try {
      await queue.acknowledge(consumer, position);
    } catch {
      continue;
    }
    event.resolvedAt = disk.operations.length;
  }
}

async function verify(history: History, cut: number, random: () => number): Promise<void> {
  let disk = history.disk.afterPowerCut(cut, random);
  if (random() < 0.3) {
    const found = disk.operations.length;
    await open(disk, { through: 0 });
    disk = disk.afterPowerCut(found + below(random, disk.operations.length - found + 1), random);
  }
  const { appends, blocks, acknowledgements } = history;
  const added = await verifyQueue(disk, {
    blocks: blocks.slice(0, appends.filter(({ calledAt }) => calledAt <= cut).length),
    resolved: positions(appends, ({ resolvedAt }) => resolvedAt <= cut),
    acknowledged: newest(positions(acknowledgements, ({ resolvedAt }) => resolvedAt <= cut)),
    asked: newest(positions(acknowledgements, ({ calledAt }) => calledAt <= cut)),
  });
  await using again = await open(disk, { through: 0 });
  const entries = await again.read('required', Infinity, never);
  expectEqual(entries.at(-1)?.position, added, 'the position of a block appended after the cut');
}

/** What was known when the power went. */
interface Known {
  /** All that may have been appended, in order. */
  readonly blocks: readonly Buffer[];
  /** For each of them, its position if the append had resolved, else 0. */
  readonly resolved: readonly number[];
  /** The newest position whose acknowledgement had resolved. */
  readonly acknowledged: number;
  /** The newest that may have been acknowledged. */
  readonly asked: number;
}

/** Resolves to the position of a block that is appended in the end. */
async function verifyQueue(disk: SimulatedDisk, known: Known): Promise<number> {
  await using queue = await open(disk, { through: 0 });
  const required = await readAll(queue, 'required');
  verifyEntries(required, known);
  expectAtLeast(required[0]?.position ?? Infinity, known.acknowledged + 1, 'the oldest block');
  const waiting = known.resolved.filter((position) => position > known.asked);
  const found = new Set(required.map(({ position }) => position));
  for (const position of waiting) {
    if (!found.has(position)) throw new Error(`block ${position} was acknowledged and is lost`);
  }
  const lossy = await readAll(queue, 'lossy');
  verifyEntries(lossy, known);
  const lossyBytes = lossy.reduce((bytes, { block }) => bytes + block.length, 0);
  expectAtMost(lossyBytes, boundBytes, 'what waits for the bounded consumer');
  verifyRecovered(queue, known);
  const added = await queue.append(Buffer.from('after the cut'));
  expectAtLeast(
    added,
    Math.max(newest(known.resolved), known.acknowledged) + 1,
    'the next position',
  );
  return added;
}

/** A checkpoint and the blocks after it must leave no hole, and reach the newest that was resolved. */
function verifyRecovered(queue: Queue, known: Known): void {
  const { checkpoint, since } = queue.recovered;
  const { through } = checkpoint
    ? (JSON.parse(Buffer.from(checkpoint).toString()) as { through: number })
    : { through: 0 };
  expectAtMost(since[0]?.position ?? 0, through + 1, 'the first block after the checkpoint');
  expectAtLeast(since.at(-1)?.position ?? through, newest(known.resolved), 'the recovered state');
  verifyEntries(since, known);
}

async function readAll(queue: Queue, consumer: string): Promise<readonly QueueEntry[]> {
  if (queue.statistics(consumer).pendingBlocks === 0) return [];
  const entries = await queue.read(consumer, Infinity, never);
  const { pendingBlocks } = queue.statistics(consumer);
  expectEqual(entries.length, pendingBlocks, 'the number of blocks read');
  return entries;
}

/** Whole blocks in the order of their appends, without a hole, each at the position that was promised. */
function verifyEntries(entries: readonly QueueEntry[], { blocks, resolved }: Known): void {
  let before = 0;
  for (const [index, { position, block }] of entries.entries()) {
    expectEqual(position, (entries[0]?.position ?? 0) + index, 'a position');
    const number = Buffer.from(block).readUInt32LE();
    expectAtLeast(number, before + 1, 'the number of a block');
    before = number;
    if (!blocks[number - 1]?.equals(block)) throw new Error(`block ${number} is not what it was`);
    const promised = resolved[number - 1];
    if (promised) expectEqual(position, promised, `the position of block ${number}`);
  }
}

function positions(events: readonly Event[], counts: (event: Event) => boolean): number[] {
  return events.map((event) => (counts(event) ? event.position : 0));
}

function newest(of: readonly number[]): number {
  return Math.max(0, ...of);
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
