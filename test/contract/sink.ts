import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Batch, Sink, SinkType } from '#collector/sinks/sink';
import type { MetricPoint } from '#lib/otlp/model';
import { QuickClock } from '../support/clocks/quick-clock.ts';
import { gauge, logRecord } from '../support/otlp/points.ts';

/** What stands behind the sink under test. */
export interface Backend extends AsyncDisposable {
  /** Settings as an operator writes them. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Makes deliveries fail as an outage does, until `restore`. */
  breakDown(): Promise<void>;
  restore(): Promise<void>;
  /** Times of all verdicts that are there, in order. */
  verdicts(): Promise<readonly number[]>;
}

export interface SinkContract {
  readonly type: SinkType;
  /** `dataDirectory` is where the sink keeps files of its own. */
  readonly open: (dataDirectory: string) => Promise<Backend>;
  /** What the backend refuses for good. */
  readonly poison: MetricPoint;
}

/** Now: a history forgets what is old. */
const unixMs = Date.now();

/** Everything the forwarder relies on: each type of sink passes it. */
export function testSinkContract({ type, open, poison }: SinkContract): void {
  describe(`contract of sinks: ${type.type}`, () => {
    test('what it says is delivered is there', async () => {
      await using setup = await prepare(type, open);
      expect(await deliver(setup.sink, [verdict(unixMs), verdict(unixMs + 1000)])).toEqual({
        kind: 'delivered',
      });
      expect(await setup.backend.verdicts()).toEqual([unixMs, unixMs + 1000]);
    });

    test('what it has no place for is left alone', async () => {
      await using setup = await prepare(type, open);
      const log = logRecord('something a stranger said', unixMs);
      const nothing = { points: [], logs: [] };
      const { signal } = new AbortController();
      expect(await setup.sink.deliver({ points: [], logs: [log] }, signal)).toEqual({
        kind: 'delivered',
      });
      expect(await setup.sink.deliver(nothing, signal)).toEqual({ kind: 'delivered' });
      expect(await setup.backend.verdicts()).toEqual([]);
    });

    test('an outage is a reason to try again, and over when it is over', async () => {
      await using setup = await prepare(type, open);
      await setup.backend.breakDown();
      for (let attempt = 0; attempt < 3; attempt += 1) {
        expect(await deliver(setup.sink, [verdict(unixMs)])).toMatchObject({ kind: 'retry' });
      }
      await setup.backend.restore();
      expect(await deliver(setup.sink, [verdict(unixMs)])).toEqual({ kind: 'delivered' });
      expect(await setup.backend.verdicts()).toEqual([unixMs]);
    });

    test('what the backend will never take is rejected, with all of the delivery', async () => {
      await using setup = await prepare(type, open);
      expect(await deliver(setup.sink, [verdict(unixMs), poison])).toMatchObject({
        kind: 'rejected',
        error: expect.any(Error),
      });
      expect(await setup.backend.verdicts()).toEqual([]);
      expect(await deliver(setup.sink, [verdict(unixMs)])).toEqual({ kind: 'delivered' });
    });

    test('an aborted delivery settles at once, and says nothing wrong', async () => {
      await using setup = await prepare(type, open);
      const controller = new AbortController();
      const delivery = setup.sink.deliver(
        { points: [verdict(unixMs)], logs: [] },
        controller.signal,
      );
      controller.abort();
      const { kind } = await within(2_000, delivery);
      expect(kind).not.toBe('rejected');
      if (kind === 'delivered') expect(await setup.backend.verdicts()).toEqual([unixMs]);
    });

    test('what was begun settles though the sink is disposed of', async () => {
      const setup = await prepare(type, open);
      const delivery = deliver(setup.sink, [verdict(unixMs)]);
      await within(5_000, setup[Symbol.asyncDispose]());
      expect((await within(2_000, delivery)).kind).not.toBe('rejected');
    });

    test('an inspection, where there is one, says sentences or nothing', async () => {
      await using setup = await prepare(type, open);
      await setup.backend.breakDown();
      expect((await setup.sink.inspect?.(new AbortController().signal)) ?? []).toEqual([]);
    });
  });
}

function verdict(atUnixMs: number): MetricPoint {
  const { attributes } = gauge('probe.verdict', atUnixMs);
  return gauge('probe.verdict', atUnixMs, { attributes: { ...attributes, verdict: 'up' } });
}

function deliver(sink: Sink, points: Batch['points']): ReturnType<Sink['deliver']> {
  return sink.deliver({ points, logs: [] }, new AbortController().signal);
}

async function within<Result>(ms: number, promise: Promise<Result>): Promise<Result> {
  const ended = new AbortController();
  const late = sleep(ms, undefined, { signal: ended.signal, ref: false }).then(() => {
    throw new Error(`took more than ${ms} ms`);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    ended.abort();
    late.catch(() => undefined);
  }
}

async function prepare(type: SinkType, open: SinkContract['open']) {
  const stack = new AsyncDisposableStack();
  const dataDirectory = await mkdtemp(join(tmpdir(), 'farpoint-sink-'));
  stack.defer(() => rm(dataDirectory, { recursive: true }));
  const backend = stack.use(await open(dataDirectory));
  const sink = stack.use(
    await type.create({
      name: 'tested',
      settings: type.settings.parse(backend.settings),
      labels: {},
      dataDirectory,
      clock: new QuickClock(),
    }),
  );
  return { backend, sink, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}
