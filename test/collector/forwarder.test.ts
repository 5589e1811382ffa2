import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Batch, Delivery, Sink } from '#collector/sinks/sink';
import { startForwarding } from '../support/collector/forwarding.ts';
import { MemorySource } from '../support/collector/memory-source.ts';
import { gauge, logRecord } from '../support/otlp/points.ts';

const delivered: Delivery = { kind: 'delivered' };
const away: Delivery = { kind: 'retry', error: new Error('away') };
const unixMs = Date.now() - 60_000;

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'farpoint-forwarder-'));
});
afterEach(() => rm(directory, { recursive: true }));

describe('Forwarder', () => {
  test('delivers batches in order and acknowledges each after its delivery', async () => {
    const queue = new MemorySource([batchOf('a'), batchOf('b'), batchOf('c')]);
    const { sink, arrived } = sinkThat(() => delivered);
    await using forwarding = await startForwarding(directory, sink, queue);
    await queue.drained;
    expect(arrived).toEqual(['a', 'b', 'c']);
    expect(forwarding.forwarder.statistics).toMatchObject({
      delivered: { points: 3, logs: 0 },
      retries: 0,
      failingSinceUnixMs: undefined,
    });
  });

  test('waits out an outage with growing delays, and at least as long as the backend asks', async () => {
    const queue = new MemorySource([batchOf('a'), batchOf('b')]);
    let failures = 0;
    const { sink, arrived } = sinkThat(() => {
      failures += 1;
      if (failures > 30) return delivered;
      return { kind: 'retry', error: new Error('away'), ...(failures === 3 && { afterMs: 7_000 }) };
    });
    await using forwarding = await startForwarding(directory, sink, queue);
    await queue.drained;
    expect(arrived).toEqual(['a', 'b']);
    expect(forwarding.clock.sleepsMs[2]).toBeGreaterThanOrEqual(7_000);
    expect(Math.max(...forwarding.clock.sleepsMs)).toBeLessThanOrEqual(60_000);
    expect(await forwarding.letters()).toEqual([]);
    expect(forwarding.forwarder.statistics).toMatchObject({ lastError: 'away' });
  });

  test('sets aside only the refused series, and delivers the rest in order', async () => {
    const names = ['a', 'b', 'poison', 'c', 'd'];
    const points = [1, 2].flatMap((second) =>
      names.map((name) => gauge(name, unixMs + second * 1000)),
    );
    const queue = new MemorySource([
      { points, logs: [logRecord('down', unixMs)] },
      batchOf('later'),
    ]);
    const { sink, arrived } = sinkThat((batch) =>
      batch.points.some(({ name }) => name === 'poison')
        ? { kind: 'rejected', error: new Error('too old') }
        : delivered,
    );
    await using forwarding = await startForwarding(directory, sink, queue);
    await queue.drained;
    const ours = arrived.filter((name) => name !== 'canary');
    expect(ours.toSorted()).toEqual(['a', 'a', 'b', 'b', 'c', 'c', 'd', 'd', 'down', 'later']);
    expect(arrived.at(-1)).toBe('later');
    expect(await forwarding.letters()).toEqual([
      expect.objectContaining({ reason: 'too old', points: 1, repeated: false }),
      expect.objectContaining({ reason: 'too old', points: 1, repeated: false }),
    ]);
    expect(forwarding.forwarder.statistics.deadLettered).toEqual({ points: 2, logs: 0 });
  });

  test('treats what fails while a canary is taken as refused', async () => {
    const points = ['a', 'b', 'poison', 'c'].map((name) => gauge(name, unixMs));
    const queue = new MemorySource([{ points, logs: [] }]);
    const { sink, arrived } = sinkThat((batch) =>
      batch.points.some(({ name }) => name === 'poison')
        ? { kind: 'retry', error: new Error('500 too old sample') }
        : delivered,
    );
    await using forwarding = await startForwarding(directory, sink, queue);
    await queue.drained;
    expect(arrived.filter((name) => name !== 'canary').toSorted()).toEqual(['a', 'b', 'c']);
    expect(await forwarding.letters()).toHaveLength(1);
  });

  test.each([
    ['canaries fail too', sinkThat(() => away).sink],
    ['a sink without canaries has only outages', withoutCanary(sinkThat(() => away).sink)],
  ])('never takes an outage for a refusal: %s', async (_, sink) => {
    const queue = new MemorySource([batchOf('a')]);
    await using forwarding = await startForwarding(directory, sink, queue);
    await vi.waitFor(() => expect(forwarding.forwarder.statistics.retries).toBeGreaterThan(30), {
      timeout: 20_000,
    });
    expect(await forwarding.letters()).toEqual([]);
    expect(queue.acknowledged).toBe(0);
  });

  test('an endpoint that refuses everything has the wrong address: nothing is set aside', async () => {
    const queue = new MemorySource([
      { points: [gauge('a', unixMs), gauge('b', unixMs)], logs: [] },
    ]);
    let isWrong = true;
    const { sink, arrived } = sinkThat(() =>
      isWrong ? { kind: 'rejected', error: new Error('400: unsupported path') } : delivered,
    );
    await using forwarding = await startForwarding(directory, sink, queue);
    const { forwarder } = forwarding;
    await vi.waitFor(() => expect(forwarder.statistics.retries).toBeGreaterThan(30), {
      timeout: 20_000,
    });
    expect(forwarder.statistics.failingSinceUnixMs).toBeDefined();
    expect(await forwarding.letters()).toEqual([]);
    isWrong = false;
    await queue.drained;
    expect(arrived.filter((name) => name !== 'canary')).toEqual(['a', 'b']);
    expect(await forwarding.letters()).toEqual([]);
  });

  test('a backend that goes away between a refusal and its canary is waited for', async () => {
    const queue = new MemorySource([batchOf('poison')]);
    let isAway = true;
    const { sink } = sinkThat(({ points: [point] }) => {
      if (point?.name === 'poison') return { kind: 'rejected', error: new Error('no') };
      return isAway ? away : delivered;
    });
    await using forwarding = await startForwarding(directory, sink, queue);
    const { forwarder } = forwarding;
    await vi.waitFor(() => expect(forwarder.statistics.retries).toBeGreaterThan(10), {
      timeout: 20_000,
    });
    expect(await forwarding.letters()).toEqual([]);
    isAway = false;
    await queue.drained;
    expect(await forwarding.letters()).toHaveLength(1);
  });

  test('a backend that is busy is given smaller batches, and refuses nothing', async () => {
    const points = Array.from({ length: 40 }, (_, index) => gauge(`p${index}`, unixMs));
    const queue = new MemorySource([{ points, logs: [] }]);
    let calls = 0;
    const { sink, arrived } = sinkThat((batch) => {
      calls += 1;
      const isBusy = batch.points.length > 10 || (batch.points.length > 1 && calls < 100);
      return isBusy ? { kind: 'retry', error: new Error('429'), afterMs: 0 } : delivered;
    });
    await using forwarding = await startForwarding(directory, sink, queue);
    await queue.drained;
    expect(arrived.filter((name) => name !== 'canary')).toHaveLength(40);
    expect(await forwarding.letters()).toEqual([]);
  });

  test('a single point is never refused for being throttled', async () => {
    const queue = new MemorySource([batchOf('throttled')]);
    let calls = 0;
    const { sink, arrived } = sinkThat(({ points: [point] }) => {
      calls += 1;
      return point?.name === 'throttled' && calls < 60
        ? { kind: 'retry', error: new Error('429'), afterMs: 0 }
        : delivered;
    });
    await using forwarding = await startForwarding(directory, sink, queue);
    await queue.drained;
    expect(arrived.filter((name) => name !== 'canary')).toEqual(['throttled']);
    expect(await forwarding.letters()).toEqual([]);
  });

  test('sets aside a backlog that is too old as a whole, without asking for each point', async () => {
    const horizonUnixMs = unixMs + 700;
    const points = Array.from({ length: 1000 }, (_, index) =>
      gauge(`series ${index % 10}`, unixMs + index, { value: index }),
    );
    const queue = new MemorySource([{ points, logs: [] }]);
    let attempts = 0;
    const { sink, arrived } = sinkThat((batch) => {
      attempts += 1;
      return batch.points.some(({ timeUnixNano }) => timeUnixNano / 1_000_000n < horizonUnixMs)
        ? { kind: 'rejected', error: new Error('out of bounds'), tooOld: true }
        : delivered;
    });
    await using forwarding = await startForwarding(directory, sink, queue);
    await queue.drained;
    expect(arrived.filter((name) => name !== 'canary')).toHaveLength(300);
    expect(forwarding.forwarder.statistics.deadLettered.points).toBe(700);
    expect((await forwarding.letters()).length).toBeLessThan(12);
    expect(attempts).toBeLessThan(40);
  });

  test('what is refused for its age, but lies ahead, is no backlog', async () => {
    const points = ['a', 'b', 'future'].map((name, index) =>
      gauge(name, Date.now() + (index === 2 ? 3_600_000 : 0)),
    );
    const queue = new MemorySource([{ points, logs: [] }]);
    const { sink, arrived } = sinkThat((batch) =>
      batch.points.some(({ name }) => name === 'future')
        ? { kind: 'rejected', error: new Error('out of bounds'), tooOld: true }
        : delivered,
    );
    await using forwarding = await startForwarding(directory, sink, queue);
    await queue.drained;
    expect(arrived).toEqual(['a', 'b']);
    expect(forwarding.forwarder.statistics.deadLettered.points).toBe(1);
  });

  test('cuts a batch into deliveries the sink can take as a whole', async () => {
    const points = Array.from({ length: 10 }, (_, index) => gauge(`p${index}`, unixMs));
    const queue = new MemorySource([{ points, logs: [] }]);
    const sizes: number[] = [];
    const { sink } = sinkThat(({ points: part }) => {
      sizes.push(part.length);
      return delivered;
    });
    await using _ = await startForwarding(directory, { ...sink, itemsMax: 4 }, queue);
    await queue.drained;
    expect(sizes).toEqual([4, 4, 2]);
  });

  test('counts what is refused as out of order apart when it may have been there already', async () => {
    const queue = new MemorySource([batchOf('again'), batchOf('late')]);
    const { sink } = sinkThat(() => ({
      kind: 'rejected',
      error: new Error('out of order'),
      repeated: true,
    }));
    await using forwarding = await startForwarding(directory, sink, queue);
    await queue.drained;
    // The first batch after a start may be one that was delivered before the end of the last process.
    expect(forwarding.forwarder.statistics).toMatchObject({
      repeated: { points: 1 },
      deadLettered: { points: 1 },
    });
    expect(await forwarding.letters()).toMatchObject([{ repeated: true }, { repeated: false }]);
  });

  test('a sink that throws is a sink that fails', async () => {
    const queue = new MemorySource([batchOf('a')]);
    let calls = 0;
    const { sink, arrived } = sinkThat(() => {
      calls += 1;
      if (calls === 1) throw new Error('a bug');
      return delivered;
    });
    await using _ = await startForwarding(directory, sink, queue);
    await queue.drained;
    expect(arrived).toEqual(['a']);
  });

  test('a stop lets the delivery in flight end, and leaves the rest for the next start', async () => {
    const queue = new MemorySource([batchOf('a'), batchOf('b')]);
    const begun = Promise.withResolvers<void>();
    const end = Promise.withResolvers<void>();
    const sink: Sink = {
      deliver: async () => {
        begun.resolve();
        await end.promise;
        return delivered;
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
    const forwarding = await startForwarding(directory, sink, queue);
    await begun.promise;
    const stopped = forwarding[Symbol.asyncDispose]();
    end.resolve();
    await stopped;
    expect(queue.acknowledged).toBe(1);
  });

  test('whatever is refused and whatever fails: each item ends up in one place, in order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ series: fc.integer({ min: 0, max: 5 }), poison: fc.boolean() }), {
          minLength: 1,
          maxLength: 40,
        }),
        fc.array(fc.boolean(), { maxLength: 5 }),
        fc.integer({ min: 1, max: 50 }),
        async (items, outages, itemsMax) => {
          await rm(directory, { recursive: true });
          const points = items.map(({ series, poison }, index) =>
            gauge(`s${series}`, unixMs + index, { value: index, unit: poison ? 'poison' : '' }),
          );
          const queue = new MemorySource([{ points, logs: [] }]);
          const seen: Batch[] = [];
          const remaining = [...outages];
          const sink = {
            itemsMax,
            deliver: (batch: Batch): Promise<Delivery> => {
              if (remaining.pop())
                return Promise.resolve({ kind: 'retry', error: new Error('away') });
              if (batch.points.some(({ unit }) => unit === 'poison')) {
                return Promise.resolve({ kind: 'rejected', error: new Error('poison') });
              }
              seen.push(batch);
              return Promise.resolve(delivered);
            },
            [Symbol.asyncDispose]: () => Promise.resolve(),
          };
          await using forwarding = await startForwarding(directory, sink, queue);
          await queue.drained;
          const arrived = seen.flatMap((batch) => batch.points).filter(({ unit }) => unit === '');
          const good = points.filter(({ unit }) => unit === '');
          for (const name of new Set(points.map((point) => point.name))) {
            const of = (list: typeof points) =>
              list.filter((point) => point.name === name).map(({ value }) => value);
            expect(of(arrived)).toEqual(of(good));
          }
          expect(await forwarding.letters()).toHaveLength(points.length - good.length);
        },
      ),
      { numRuns: 50 },
    );
  });
});

function batchOf(name: string): Batch {
  return { points: [gauge(name, unixMs)], logs: [] };
}

/** A sink that decides by a function, and the names of what it took. */
function sinkThat(decide: (batch: Batch) => Delivery): { sink: Sink; arrived: string[] } {
  const arrived: string[] = [];
  const sink: Sink = {
    deliver: (batch) => {
      const delivery = decide(batch);
      if (delivery.kind === 'delivered') {
        arrived.push(
          ...batch.points.map(({ name }) => name),
          ...batch.logs.map(({ body }) => body),
        );
      }
      return Promise.resolve(delivery);
    },
    canary: (atUnixMs) => ({ points: [gauge('canary', atUnixMs)], logs: [] }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return { sink, arrived };
}

function withoutCanary(sink: Sink): Sink {
  return {
    deliver: (batch, signal) => sink.deliver(batch, signal),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
