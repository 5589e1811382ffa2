import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Queue, QueueFullError } from '#lib/queue';
import { ManualClock } from '#test/support/clocks/manual-clock';
import { never, SimulatedQueue } from './simulated-queue.ts';

/** What the queue should be, in memory. */
interface Model {
  readonly blocks: { position: number; block: Buffer; appendedUnixMs: number }[];
  readonly consumers: Record<string, { done: number; droppedBlocks: number; droppedBytes: number }>;
}

interface Real {
  readonly simulated: SimulatedQueue;
  readonly clock: ManualClock;
  queue: Queue;
}

const required = { name: 'required', bytesMax: 4000, ageMaxMs: 10_000, required: true };
const lossy = { name: 'lossy', bytesMax: 1500, ageMaxMs: 3000, required: false };
const options = [required, lossy];

function open(simulated: SimulatedQueue, clock: ManualClock): Promise<Queue> {
  return simulated.open({ consumers: options, clock, segmentBytesMax: 600 });
}

function waiting(model: Model, name: string): Model['blocks'] {
  return model.blocks.filter(({ position }) => position > (model.consumers[name]?.done ?? 0));
}

function bytesOf(blocks: Model['blocks']): number {
  return blocks.reduce((sum, { block }) => sum + block.length, 0);
}

function enforce(model: Model, nowUnixMs: number): void {
  const consumer = model.consumers['lossy'];
  if (!consumer) return;
  for (;;) {
    const blocks = waiting(model, 'lossy');
    const [oldest] = blocks;
    if (!oldest) return;
    const isOld = nowUnixMs - oldest.appendedUnixMs > lossy.ageMaxMs;
    if (!isOld && bytesOf(blocks) <= lossy.bytesMax) return;
    consumer.done = oldest.position;
    consumer.droppedBlocks += 1;
    consumer.droppedBytes += oldest.block.length;
  }
}

function expectSame(model: Model, { queue }: Real): void {
  for (const [name, { droppedBlocks, droppedBytes }] of Object.entries(model.consumers)) {
    const blocks = waiting(model, name);
    expect(queue.statistics(name)).toEqual({
      pendingBlocks: blocks.length,
      pendingBytes: bytesOf(blocks),
      oldestUnixMs: blocks[0]?.appendedUnixMs,
      droppedBlocks,
      droppedBytes,
    });
  }
}

class Append implements fc.AsyncCommand<Model, Real> {
  readonly sizes: readonly number[];

  constructor(sizes: readonly number[]) {
    this.sizes = sizes;
  }

  check(): boolean {
    return true;
  }

  async run(model: Model, real: Real): Promise<void> {
    const nowUnixMs = real.clock.unixMs();
    const [oldest] = waiting(model, 'required');
    const isOld = oldest !== undefined && nowUnixMs - oldest.appendedUnixMs > required.ageMaxMs;
    let room = required.bytesMax - bytesOf(waiting(model, 'required'));
    const appends = this.sizes.map((size, index) => {
      const block = Buffer.alloc(size, `${model.blocks.length} ${index} `);
      const isFull = isOld || size > room;
      if (!isFull) room -= size;
      return { block, isFull, appended: real.queue.append(block) };
    });
    const results = await Promise.allSettled(appends.map(({ appended }) => appended));
    for (const [index, { block, isFull }] of appends.entries()) {
      const position = model.blocks.length + 1;
      if (isFull) expect(results[index]).toMatchObject({ reason: expect.any(QueueFullError) });
      else expect(results[index]).toEqual({ status: 'fulfilled', value: position });
      if (!isFull) model.blocks.push({ position, block, appendedUnixMs: nowUnixMs });
    }
    if (appends.some(({ isFull }) => !isFull)) enforce(model, nowUnixMs);
    expectSame(model, real);
  }

  toString(): string {
    return `append ${this.sizes.join(', ')}`;
  }
}

class Read implements fc.AsyncCommand<Model, Real> {
  readonly name: string;
  readonly bytesMax: number;

  constructor(name: string, bytesMax: number) {
    this.name = name;
    this.bytesMax = bytesMax;
  }

  check(model: Readonly<Model>): boolean {
    return waiting(model, this.name).length > 0;
  }

  async run(model: Model, real: Real): Promise<void> {
    if (this.name === 'lossy') enforce(model, real.clock.unixMs());
    const blocks = waiting(model, this.name);
    if (blocks.length > 0) {
      const entries = await real.queue.read(this.name, this.bytesMax, never);
      let fitting = 1;
      while (fitting < blocks.length && bytesOf(blocks.slice(0, fitting + 1)) <= this.bytesMax) {
        fitting += 1;
      }
      expect(entries).toEqual(blocks.slice(0, fitting));
    } else {
      const stopped = AbortSignal.abort(new Error('nothing there'));
      await expect(real.queue.read(this.name, this.bytesMax, stopped)).rejects.toThrow('nothing');
    }
    expectSame(model, real);
  }

  toString(): string {
    return `read ${this.name} ${this.bytesMax}`;
  }
}

class Acknowledge implements fc.AsyncCommand<Model, Real> {
  readonly name: string;
  readonly share: number;

  constructor(name: string, share: number) {
    this.name = name;
    this.share = share;
  }

  check(model: Readonly<Model>): boolean {
    return waiting(model, this.name).length > 0;
  }

  async run(model: Model, real: Real): Promise<void> {
    const blocks = waiting(model, this.name);
    const { position } = blocks[Math.floor(this.share * blocks.length)] ?? { position: 0 };
    await real.queue.acknowledge(this.name, position);
    const consumer = model.consumers[this.name];
    if (consumer) consumer.done = position;
    expectSame(model, real);
  }

  toString(): string {
    return `acknowledge ${this.name} ${this.share}`;
  }
}

class Restart implements fc.AsyncCommand<Model, Real> {
  readonly isOrderly: boolean;

  constructor(isOrderly: boolean) {
    this.isOrderly = isOrderly;
  }

  check(): boolean {
    return true;
  }

  async run(model: Model, real: Real): Promise<void> {
    if (this.isOrderly) await real.queue[Symbol.asyncDispose]();
    else {
      // A drop is stored in the background; a kill before that brings the dropped blocks back.
      await real.queue.acknowledge('lossy', model.consumers['lossy']?.done ?? 0);
      real.simulated.kill();
    }
    for (const consumer of Object.values(model.consumers)) {
      consumer.droppedBlocks = 0;
      consumer.droppedBytes = 0;
    }
    real.queue = await open(real.simulated, real.clock);
    expectSame(model, real);
    expect(real.simulated.incidents.filter(({ kind }) => kind !== 'dropped')).toEqual([]);
  }

  toString(): string {
    return this.isOrderly ? 'restart' : 'kill';
  }
}

class Wait implements fc.AsyncCommand<Model, Real> {
  readonly ms: number;

  constructor(ms: number) {
    this.ms = ms;
  }

  check(): boolean {
    return true;
  }

  async run(_model: Model, { clock }: Real): Promise<void> {
    await clock.advance(this.ms);
  }

  toString(): string {
    return `wait ${this.ms}`;
  }
}

const name = fc.constantFrom('required', 'lossy');
const commands = fc.commands(
  [
    fc
      .array(fc.integer({ min: 0, max: 700 }), { minLength: 1, maxLength: 5 })
      .map((sizes) => new Append(sizes)),
    fc.tuple(name, fc.integer({ min: 1, max: 3000 })).map(([who, bytes]) => new Read(who, bytes)),
    fc
      .tuple(name, fc.double({ min: 0, max: 0.99, noNaN: true }))
      .map(([who, share]) => new Acknowledge(who, share)),
    fc.boolean().map((isOrderly) => new Restart(isOrderly)),
    fc.integer({ min: 1, max: 4000 }).map((ms) => new Wait(ms)),
  ],
  { maxCommands: 60, size: '+2' },
);

test('the queue does what the model in memory does, whatever is asked of it', async () => {
  await fc.assert(
    fc.asyncProperty(commands, async (plan) => {
      const [simulated, clock] = [new SimulatedQueue(), new ManualClock()];
      const queue = await open(simulated, clock);
      const nothing = (): { done: number; droppedBlocks: number; droppedBytes: number } => ({
        done: 0,
        droppedBlocks: 0,
        droppedBytes: 0,
      });
      const model: Model = { blocks: [], consumers: { required: nothing(), lossy: nothing() } };
      await fc.asyncModelRun(() => ({ model, real: { simulated, clock, queue } }), plan);
    }),
    { numRuns: Number(process.env['FARPOINT_MODEL_RUNS'] ?? 150) },
  );
}, 120_000);
