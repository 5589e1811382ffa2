import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import * as fc from 'fast-check';
import { uncompressSync } from 'snappy';
import { describe, expect, test } from 'vitest';
import { prometheus } from '#collector/sinks/prometheus';
import type { Delivery, Sink } from '#collector/sinks/sink';
import type { MetricPoint } from '#lib/otlp/model';
import { type Backend, testSinkContract } from '../../contract/sink.ts';
import { StandingClock } from '../../support/clocks/quick-clock.ts';
import { counter, gauge, histogram } from '../../support/otlp/points.ts';
import {
  answer,
  labelsOf,
  type ReceivedSeries,
  RemoteWriteRecorder,
} from '../../support/servers/remote-write.ts';
import { serve } from '../../support/servers/serve.ts';

const unixMs = 1_790_000_000_000;

testSinkContract({
  type: prometheus,
  open: async () => new Recorder(await RemoteWriteRecorder.start()),
  poison: gauge('poison', unixMs),
});

describe('a remote-write 1.0 request', () => {
  test('has the headers of the specification, in spite of configured ones', async () => {
    await using setup = await prepare({ headers: { 'X-Scope-OrgID': 'tenant', 'X-Other': '1' } });
    await setup.deliver([gauge('probe.success', unixMs)]);
    expect(setup.recorder.requests).toMatchObject([
      {
        method: 'POST',
        url: '/api/v1/write',
        headers: {
          'content-encoding': 'snappy',
          'content-type': 'application/x-protobuf',
          'user-agent': expect.stringMatching(/^farpoint/),
          'x-prometheus-remote-write-version': '0.1.0',
          'x-scope-orgid': 'tenant',
          'x-other': '1',
        },
      },
    ]);
  });

  test('is compressed as a block, not as a stream', async () => {
    await using setup = await prepare();
    await setup.deliver([gauge('probe.success', unixMs)]);
    const { body } = setup.recorder.requests[0] ?? expect.fail('nothing arrived');
    expect(body.includes('sNaPpY')).toBe(false);
    expect(uncompressSync(body).length).toBeGreaterThan(0);
  });

  test.each([
    [{ bearer: 'geheim' }, 'Bearer geheim'],
    [{ basic: { username: 'us:er', password: 'päss' } }, `Basic ${btoa('us:er:pÃ¤ss')}`],
  ])('carries credentials %j', async (auth, authorization) => {
    await using setup = await prepare({ auth });
    await setup.deliver([gauge('probe.success', unixMs)]);
    expect(setup.recorder.requests[0]?.headers['authorization']).toBe(authorization);
  });

  test('names series as Prometheus does, with sorted labels, none empty, none twice', async () => {
    await using setup = await prepare({}, { environment: 'test', region: 'overridden', empty: '' });
    await setup.deliver([
      gauge('probe.http.duration', unixMs, {
        unit: 's',
        value: 0.25,
        attributes: { region: 'eu', 'b.c': 'dot', b_c: 'line', nothing: '', Z: 1, a: true, é: 'x' },
      }),
    ]);
    expect(setup.recorder.series.map(({ labels }) => labels)).toEqual([
      [
        ['Z', '1'],
        ['__name__', 'probe_http_duration_seconds'],
        ['a', 'true'],
        ['b_c', 'dot;line'],
        ['environment', 'test'],
        ['instance', 'https://clowder.example.org/'],
        ['job', 'clowder'],
        ['region', 'eu'],
      ],
    ]);
  });

  test('takes job from namespace and name; attributes cannot pose as name, job or instance', async () => {
    await using setup = await prepare();
    await setup.deliver([
      gauge('cpu', unixMs, {
        resource: {
          'service.namespace': 'shop',
          'service.name': 'cart',
          'service.instance.id': 7n,
        },
        attributes: { job: 'forged', instance: 'forged', __name__: 'forged' },
      }),
    ]);
    expect(setup.recorder.series.map(labelsOf)).toEqual([
      { __name__: 'cpu', instance: '7', job: 'shop/cart' },
    ]);
  });

  test('gives a histogram as buckets from 0, sum and count', async () => {
    await using setup = await prepare();
    await setup.deliver([
      histogram('http.size', unixMs, {
        unit: 'By',
        attributes: {},
        value: {
          bounds: [0.005, 1, 1e21, 1e-7].sort((a, b) => a - b),
          counts: [1, 2, 3, 0, 4],
          count: 10,
          sum: 99.5,
        },
      }),
    ]);
    const rows = setup.recorder.series.map((series) => {
      const { __name__: name, le } = labelsOf(series);
      return [name, le, ...series.samples.map(({ value }) => value)];
    });
    expect(rows).toEqual([
      ['http_size_bytes_bucket', '0.0000001', 1],
      ['http_size_bytes_bucket', '0.005', 3],
      ['http_size_bytes_bucket', '1', 6],
      ['http_size_bytes_bucket', '1000000000000000000000', 6],
      ['http_size_bytes_bucket', '+Inf', 10],
      ['http_size_bytes_sum', undefined, 99.5],
      ['http_size_bytes_count', undefined, 10],
    ]);
  });

  test('has one last bucket, also of a histogram that writes its bound out', async () => {
    await using setup = await prepare();
    const value = { bounds: [-Infinity, 1, Infinity], counts: [0, 2, 3, 0], count: 5, sum: 9 };
    await setup.deliver([histogram('http.size', unixMs, { attributes: {}, value })]);
    const buckets = setup.recorder.series
      .filter((series) => labelsOf(series)['__name__'] === 'http_size_bucket')
      .map((series) => [labelsOf(series)['le'], ...series.samples.map((sample) => sample.value)]);
    expect(buckets).toEqual([
      ['-Inf', 0],
      ['1', 2],
      ['+Inf', 5],
    ]);
  });

  test('ends a series with the staleness marker, bit by bit; of a histogram all of them', async () => {
    await using setup = await prepare();
    await setup.deliver([
      gauge('probe.success', unixMs, { value: undefined }),
      histogram('size', unixMs),
    ]);
    await setup.deliver([histogram('size', unixMs + 1, { value: undefined })]);
    const stale = setup.recorder.series
      .filter(({ samples: [sample] }) => sample?.bits === 0x7ff0000000000002n)
      .map(labelsOf);
    expect(stale.map(({ __name__: name }) => name)).toEqual([
      'probe_success',
      'size_bucket',
      'size_bucket',
      'size_bucket',
      'size_sum',
      'size_count',
    ]);
  });

  test('has the samples of a series in order of time, one per millisecond', async () => {
    await using setup = await prepare();
    const at = (offsetNano: bigint, value: number) =>
      gauge('x', unixMs, { timeUnixNano: BigInt(unixMs) * 1_000_000n + offsetNano, value });
    await setup.deliver([
      at(5_000_000n, 5),
      at(0n, 0),
      at(999_999n, 1),
      at(3_000_000n, 3),
      at(5_000_000n, 5),
    ]);
    expect(
      setup.recorder.series.map(({ samples }) =>
        samples.map(({ unixMs: ms, value }) => [ms - unixMs, value]),
      ),
    ).toEqual([
      [
        [0, 1],
        [3, 3],
        [5, 5],
      ],
    ]);
  });

  test('writes two series of OTLP that are one in Prometheus as one', async () => {
    await using setup = await prepare();
    await setup.deliver([
      gauge('a.b', unixMs + 1, { attributes: { 'x.y': '1' } }),
      gauge('a_b', unixMs, { attributes: { x_y: '1' } }),
    ]);
    expect(setup.recorder.series).toHaveLength(1);
    expect(setup.recorder.series[0]?.samples.map((sample) => sample.unixMs)).toEqual([
      unixMs,
      unixMs + 1,
    ]);
  });

  test('carries any number as it is', async () => {
    await using setup = await prepare();
    await fc.assert(
      fc.asyncProperty(fc.double(), fc.integer({ min: 1e12, max: 1e13 }), async (value, atMs) => {
        setup.recorder.requests.length = 0;
        await setup.deliver([gauge('x', atMs, { value })]);
        const [sample] = setup.recorder.series[0]?.samples ?? [];
        expect(sample?.value).toBe(value);
        expect(sample?.unixMs).toBe(atMs);
      }),
      {
        numRuns: 50,
        examples: [
          [Infinity, 1e12],
          [-Infinity, 1e12],
          [Number.NaN, 1e12],
          [1e307, 1e12],
          [1e-307, 1e12],
        ],
      },
    );
  });

  test('never breaks the rules for labels, whatever a stranger calls things', async () => {
    await using setup = await prepare({}, { 'a label': 'extra' });
    const text = fc.string({ unit: 'binary', maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(
        text,
        text,
        fc.dictionary(text, text, { maxKeys: 6 }),
        async (name, unit, attributes) => {
          setup.recorder.requests.length = 0;
          const delivery = await setup.deliver([gauge(name, unixMs, { unit, attributes })]);
          if (delivery.kind === 'rejected') expect(name).not.toMatch(/[a-zA-Z0-9:]/);
          for (const { labels } of setup.recorder.series) {
            expectSound(labels);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test('keeps the order within each series across requests, though answers take their time', async () => {
    await using setup = await prepare();
    setup.recorder.respond = async (request, response) => {
      await sleep(Math.random() * 20);
      return answer(204)(request, response);
    };
    for (let round = 0; round < 10; round += 1) {
      await setup.deliver(
        ['a', 'b', 'c'].map((name) => counter(name, unixMs + round, { value: round })),
      );
    }
    const byName = Map.groupBy(setup.recorder.series, (series) => labelsOf(series)['__name__']);
    expect([...byName.keys()]).toEqual(['a_total', 'b_total', 'c_total']);
    for (const series of byName.values()) {
      const times = series.flatMap(({ samples }) => samples.map((sample) => sample.unixMs));
      expect(times).toEqual(times.toSorted((left, right) => left - right));
      expect(new Set(times).size).toBe(10);
    }
  });
});

describe('what an answer means', () => {
  test.each<[number, string, Partial<Delivery>]>([
    [200, 'anything', { kind: 'delivered' }],
    [204, '', { kind: 'delivered' }],
    [400, 'out of bounds', { kind: 'rejected', repeated: false, partial: false }],
    [400, 'out of order sample', { kind: 'rejected', repeated: true, partial: false }],
    [400, 'duplicate sample for timestamp', { kind: 'rejected', repeated: false }],
    [400, 'err-mimir-sample-out-of-order', { kind: 'rejected', repeated: true, partial: true }],
    [
      409,
      'store locally for endpoint: conflict',
      { kind: 'rejected', repeated: true, partial: true },
    ],
    [413, 'too large', { kind: 'rejected' }],
    [422, '', { kind: 'rejected' }],
    [500, 'too old sample', { kind: 'rejected' }],
    [500, 'disk full', { kind: 'retry' }],
    [502, '', { kind: 'retry' }],
    [503, '', { kind: 'retry', afterMs: 0 }],
    [429, '', { kind: 'retry', afterMs: 0 }],
    [408, '', { kind: 'retry' }],
    // Mistakes of a configuration, which must not cost data.
    [301, '', { kind: 'retry' }],
    [401, '', { kind: 'retry' }],
    [403, '', { kind: 'retry' }],
    [404, 'no such page', { kind: 'retry' }],
    [415, '', { kind: 'retry' }],
  ])('%i %j', async (status, body, expected) => {
    await using setup = await prepare();
    setup.recorder.respond = answer(status, body);
    expect(await setup.deliver([gauge('x', unixMs)])).toMatchObject(expected);
  });

  test.each([
    ['7', 7_000],
    ['100000', 600_000],
    [new Date(unixMs + 60_000).toUTCString(), 60_000],
    [new Date(0).toUTCString(), 0],
  ])('Retry-After: %s', async (header, expectedMs) => {
    await using setup = await prepare();
    setup.recorder.respond = answer(503, '', { 'retry-after': header });
    const delivery = await setup.deliver([gauge('x', unixMs)]);
    expect(delivery).toMatchObject({ kind: 'retry', afterMs: expectedMs });
  });

  test('says what was answered, and what to do, and nothing of the credentials', async () => {
    await using setup = await prepare({ auth: { bearer: 'geheim' } });
    setup.recorder.respond = answer(401, 'no such\ntoken');
    const delivery = await setup.deliver([gauge('x', unixMs)]);
    expect(delivery).toMatchObject({
      error: {
        message:
          'the backend answered 401: check the credentials of this sink; the data are kept: no such token',
      },
    });
    expect(JSON.stringify(delivery)).not.toContain('geheim');
  });

  test('a huge body, or one that never ends, changes nothing of what the status says', async () => {
    await using setup = await prepare({ timeout: '500ms' });
    setup.recorder.respond = answer(400, 'x'.repeat(4 << 20));
    expect(await setup.deliver([gauge('x', unixMs)])).toMatchObject({ kind: 'rejected' });
    setup.recorder.respond = (_request, response) => void response.writeHead(200).write('x');
    expect(await setup.deliver([gauge('x', unixMs)])).toEqual({ kind: 'delivered' });
  });

  test.each([
    ['the timeout', { timeout: '200ms' }, new AbortController().signal],
    ['a stop', {}, AbortSignal.timeout(200)],
  ])(
    '%s ends a delivery that is still shaking hands',
    { timeout: 5000 },
    async (_what, settings, signal) => {
      const mute = createServer((socket) => socket.on('error', () => undefined));
      await using server = await serve(mute);
      await using setup = await prepare({
        url: `https://127.0.0.1:${server.port}/write`,
        ...settings,
      });
      const delivery = await setup.deliver([gauge('x', unixMs)], signal);
      expect(delivery).toMatchObject({ kind: 'retry' });
    },
  );

  test('an answer that does not come in time, or not at all, is tried again', async () => {
    await using setup = await prepare({ timeout: '200ms' });
    setup.recorder.respond = () => undefined;
    expect(await setup.deliver([gauge('x', unixMs)])).toMatchObject({ kind: 'retry' });
    setup.recorder.respond = (_request, response) => void response.destroy();
    expect(await setup.deliver([gauge('x', unixMs)])).toMatchObject({ kind: 'retry' });
    setup.recorder.respond = answer(204);
    expect(await setup.deliver([gauge('x', unixMs)])).toEqual({ kind: 'delivered' });
  });
});

describe('settings', () => {
  test.each([
    [{ url: 'ftp://x/' }, 'expected an http:// or https:// address'],
    [{ url: 'http://user:pass@x/' }, 'credentials belong under auth'],
    [{ url: 'http://x/', auth: {} }, 'expected one of basic and bearer'],
    [{ url: 'http://x/', headers: { Authorization: 'x' } }, 'authorization is set by Farpoint'],
    [{ url: 'http://x/', headers: { 'content-type': 'x' } }, 'content-type is set by Farpoint'],
    [{ url: 'http://x/', headers: { 'a b': 'x' } }, 'not a header name'],
  ])('%j is refused', (settings, message) => {
    expect(prometheus.settings.safeParse(settings).error?.message).toContain(message);
  });
});

async function prepare(settings: object = {}, labels: Readonly<Record<string, string>> = {}) {
  const recorder = await RemoteWriteRecorder.start();
  const sink: Sink = await prometheus.create({
    name: 'metrics',
    settings: prometheus.settings.parse({ url: recorder.url, ...settings }),
    labels,
    dataDirectory: '/nowhere',
    clock: new StandingClock(unixMs),
  });
  return {
    recorder,
    deliver: (points: readonly MetricPoint[], signal = new AbortController().signal) =>
      sink.deliver({ points, logs: [] }, signal),
    [Symbol.asyncDispose]: async () => {
      await sink[Symbol.asyncDispose]();
      await recorder[Symbol.asyncDispose]();
    },
  };
}

/** The rules of the specification, section "Labels". */
function expectSound(labels: ReceivedSeries['labels']): void {
  const names = labels.map(([name]) => name);
  expect(names).toEqual([...new Set(names)].sort());
  for (const [name, value] of labels) {
    expect(name).toMatch(/^[a-zA-Z_][a-zA-Z0-9_]*$/);
    expect(value).not.toBe('');
  }
  expect(Object.fromEntries(labels)['__name__']).toMatch(/^[a-zA-Z_:][a-zA-Z0-9_:]*$/);
}

class Recorder implements Backend {
  readonly settings: Backend['settings'];
  readonly #recorder: RemoteWriteRecorder;
  readonly #stored: number[] = [];

  constructor(recorder: RemoteWriteRecorder) {
    this.#recorder = recorder;
    this.settings = { url: recorder.url };
    recorder.respond = (request, response) => {
      const isPoisoned = request.series.some((series) => labelsOf(series)['__name__'] === 'poison');
      if (isPoisoned) return answer(400, 'out of bounds')(request, response);
      const samples = request.series.flatMap((series) => series.samples);
      this.#stored.push(...samples.map((sample) => sample.unixMs));
      return answer(204)(request, response);
    };
  }

  breakDown(): Promise<void> {
    return this.#recorder.close();
  }

  restore(): Promise<void> {
    return this.#recorder.listen();
  }

  verdicts(): Promise<readonly number[]> {
    return Promise.resolve(this.#stored);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#recorder.close();
  }
}
