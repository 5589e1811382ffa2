import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { newKey } from '#lib/key';
import { encodeLogs } from '#lib/otlp/logs';
import { encodeMetrics } from '#lib/otlp/metrics';
import { ProtobufWriter } from '#lib/protobuf/writer';
import { ManualClock } from '../../support/clocks/manual-clock.ts';
import { keyFor, type TestAnswer, TestReceiver } from '../../support/collector/test-receiver.ts';
import { eventually } from '../../support/eventually.ts';
import { counter, gauge, histogram, logRecord } from '../../support/otlp/points.ts';

const good = () => gauge('probe.success', Date.now());
const body = () => encodeMetrics([good()]);

describe('a request that can never be served', () => {
  const elsewhere = newKey('us-east');
  const expired = newKey('expired');
  const reader = newKey('reader');
  const keys = [
    keyFor(expired, { agents: ['eu-west'], regions: ['eu-west'], expiresUnixMs: 1 }),
    keyFor(reader, { scopes: ['read'] }),
  ];
  type Post = (receiver: TestReceiver) => Promise<TestAnswer>;

  test.each<[string, [status: number, rpcCode: number, message: string], Post]>([
    ['truncated protobuf', [400, 3, 'truncated'], (to) => to.post(body().subarray(0, -1))],
    ['bytes that are no protobuf', [400, 3, 'cannot decode'], (to) => to.post(randomFrom0xff(64))],
    ['torn JSON', [400, 3, 'cannot decode JSON'], (to) => to.post('{"resourceMetrics":[')],
    ['JSON of another shape', [400, 3, 'not an array'], (to) => to.post('{"resourceMetrics":1}')],
    [
      'no gzip where it says gzip',
      [400, 3, 'broken gzip'],
      (to) => to.post(body(), { headers: { 'content-encoding': 'gzip' } }),
    ],
    [
      'truncated gzip',
      [400, 3, 'broken gzip'],
      (to) =>
        to.post(gzipSync(body()).subarray(0, -6), { headers: { 'content-encoding': 'gzip' } }),
    ],
    [
      'half a sequence',
      [400, 3, 'Farpoint-Sequence'],
      (to) => to.post(body(), { headers: { 'farpoint-outbox': 'a' } }),
    ],
    [
      'a sequence backwards',
      [400, 3, 'Farpoint-Sequence'],
      (to) => to.postNumbered(body(), [5, 4]),
    ],
    [
      'another content type',
      [415, 3, 'Content-Type'],
      (to) => to.post(body(), { type: 'text/plain' }),
    ],
    [
      'another compression',
      [415, 3, 'Content-Encoding'],
      (to) => to.post(body(), { headers: { 'content-encoding': 'zstd' } }),
    ],
    ['a body over the limit', [413, 8, '1048576 bytes'], (to) => to.post(randomBytes(1_100_000))],
    [
      'a gzip bomb',
      [413, 8, '4194304 bytes'],
      (to) => to.post(Buffer.alloc(64 * 1024 * 1024), { isGzip: true }),
    ],
    [
      'more points than memory should hold',
      [413, 8, 'data points'],
      (to) => to.post(manyEmptyPoints(250_001), { isGzip: true }),
    ],
    [
      'a key nobody has',
      [401, 16, 'no valid key'],
      (to) => to.post(body(), { key: elsewhere.text }),
    ],
    [
      'a wrong secret',
      [401, 16, 'no valid key'],
      (to) => to.post(body(), { key: `eu-west.${'x'.repeat(43)}` }),
    ],
    [
      'a key that expired',
      [401, 16, 'no valid key'],
      (to) => to.post(body(), { key: expired.text }),
    ],
    [
      'no key',
      [401, 16, 'no valid key'],
      (to) => to.post(body(), { headers: { authorization: '' } }),
    ],
    [
      'a key for reading',
      [403, 7, 'not for writing'],
      (to) => to.post(body(), { key: reader.text }),
    ],
  ])('%s: %j', async (_what, [status, rpcCode, message], post) => {
    await using receiver = await TestReceiver.start({ keys });
    const answer = await post(receiver);
    expect({ status: answer.status, rpcCode: answer.rpcCode }).toEqual({ status, rpcCode });
    expect(answer.message).toContain(message);
    expect(answer.headers.get('retry-after')).toBeNull();
    expect(receiver.count('farpoint_requests_total', { code: String(status) })).toBe(1);
    expect(await receiver.takePoints()).toEqual([]);
    expect((await receiver.post(body())).status).toBe(200);
  });

  test('a failure is told in the encoding of the request', async () => {
    await using receiver = await TestReceiver.start();
    const types = ['application/x-protobuf', 'application/json', 'application/json; charset=utf-8'];
    for (const type of types) {
      const answer = await receiver.post('not it', { type });
      expect(answer.status).toBe(400);
      expect(answer.headers.get('content-type')).toBe(type.split(';')[0]);
      expect(answer.message).toContain('cannot decode');
    }
  });

  test('another method is 405, and says which one is right', async () => {
    await using receiver = await TestReceiver.start();
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const answer = await fetch(`${receiver.url}/v1/metrics`, { method });
      expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST']);
      expect(await answer.json()).toMatchObject({ code: 12 });
    }
  });

  test('a Content-Type that is none is refused like another', async () => {
    await using receiver = await TestReceiver.start();
    expect((await receiver.post(body(), { type: ';;;' })).status).toBe(415);
  });

  test('what is wrong with a key is counted by reason and never told', async () => {
    await using receiver = await TestReceiver.start({ keys });
    await receiver.post(body(), { key: elsewhere.text });
    await receiver.post(body(), { key: expired.text });
    await receiver.post(body(), { key: 'short' });
    for (const reason of ['unknown', 'expired', 'malformed']) {
      expect(receiver.count('farpoint_keys_rejected_total', { reason })).toBe(1);
    }
  });

  test('an endless body is cut off at the limit', async () => {
    await using receiver = await TestReceiver.start();
    const { port } = new URL(receiver.url);
    const socket = connect(Number(port), '127.0.0.1');
    socket.write(
      `POST /v1/metrics HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${receiver.key}\r\n` +
        'Content-Type: application/x-protobuf\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    for (let sent = 0; sent < 40; sent += 1) socket.write(chunk);
    socket.end('0\r\n\r\n');
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 413 /);
  });
});

describe('data that can never be accepted, beside good data', () => {
  const day = 86_400_000;
  const identity = { agent: 'eu-west', region: 'eu-west' };
  const manyLabels = Object.fromEntries(Array.from({ length: 10_000 }, (_, at) => [`l${at}`, 'x']));

  test.each([
    [
      'a region of another key',
      'identity',
      () => gauge('probe.success', Date.now(), { attributes: { ...identity, region: 'us-east' } }),
    ],
    [
      'an agent of another key',
      'identity',
      () => gauge('probe.success', Date.now(), { attributes: { ...identity, agent: 'us-east' } }),
    ],
    [
      'an agent that is no text',
      'identity',
      () => gauge('probe.success', Date.now(), { attributes: { ...identity, agent: 7 } }),
    ],
    ['a time a day ahead', 'future', () => gauge('probe.success', Date.now() + day)],
    ['no time at all', 'past', () => gauge('probe.success', 0)],
    [
      'a time in the wrong unit',
      'past',
      () => gauge('probe.success', Math.floor(Date.now() / 1000)),
    ],
    [
      'a counter that is NaN',
      'not_a_number',
      () => counter('requests', Date.now(), { value: Number.NaN }),
    ],
    [
      'a histogram with an infinite sum',
      'not_a_number',
      () =>
        histogram('duration', Date.now(), {
          value: { bounds: [], counts: [1], count: 1, sum: Infinity },
        }),
    ],
    [
      '10,000 labels',
      'too_many_attributes',
      () => gauge('probe.success', Date.now(), { attributes: { ...identity, ...manyLabels } }),
    ],
    ['a name of a megabyte', 'too_long', () => gauge('n'.repeat(1_000_000), Date.now())],
    [
      'a value of a megabyte',
      'too_long',
      () => gauge('a', Date.now(), { attributes: { ...identity, text: 'v'.repeat(1_000_000) } }),
    ],
  ])('%s is rejected as %s', async (_what, reason, bad) => {
    await using receiver = await TestReceiver.start();
    const kept = good();
    const answer = await receiver.post(encodeMetrics([bad(), kept]));
    expect([answer.status, answer.rejected]).toEqual([200, 1]);
    expect(answer.message).toContain(`1 ${reason} (for example `);
    expect(await receiver.takePoints()).toEqual([kept]);
    expect(receiver.count('farpoint_items_rejected_total', { reason })).toBe(1);
    expect(receiver.count('farpoint_items_accepted_total')).toBe(1);
  });

  test('delta temporality is rejected, the gauge beside it kept', async () => {
    await using receiver = await TestReceiver.start();
    const kept = good();
    const answer = await receiver.post(Buffer.concat([deltaSum('uploads'), encodeMetrics([kept])]));
    expect(answer).toMatchObject({ status: 200, rejected: 1 });
    expect(answer.message).toContain('set the exporter to cumulative temporality');
    expect(await receiver.takePoints()).toEqual([kept]);
  });

  test('the same is told in JSON', async () => {
    await using receiver = await TestReceiver.start();
    const point = `{"asDouble":1,"timeUnixNano":"5"}`;
    const json = `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"a","gauge":{"dataPoints":[${point}]}}]}]}]}`;
    expect(await receiver.post(json)).toMatchObject({ status: 200, rejected: 1 });
  });

  test('a gauge may be NaN or infinite, as in Prometheus', async () => {
    await using receiver = await TestReceiver.start();
    const values = [Number.NaN, Infinity, -Infinity];
    const points = values.map((value) => gauge('ratio', Date.now(), { value }));
    expect(await receiver.post(encodeMetrics(points))).toMatchObject({ status: 200, rejected: 0 });
    expect((await receiver.takePoints()).map(({ value }) => value)).toEqual(values);
  });

  test('a log record of another agent is rejected, the one beside it kept', async () => {
    await using receiver = await TestReceiver.start();
    const kept = logRecord('down', Date.now());
    const foreign = { ...kept, attributes: { agent: 'us-east' } };
    const answer = await receiver.post(encodeLogs([foreign, kept]), { signal: 'logs' });
    expect(answer).toMatchObject({ status: 200, rejected: 1 });
    expect(await receiver.takeLogs()).toEqual([kept]);
  });

  test('series beyond the limit of a key are rejected, known ones go on', async () => {
    await using receiver = await TestReceiver.start({ limits: { seriesMax: 2 } });
    const at = Date.now();
    const point = (name: string, later = 0) => gauge(name, at + later);
    await receiver.post(encodeMetrics([point('a'), point('b')]));
    const answer = await receiver.post(encodeMetrics([point('a', 1), point('c'), point('b', 1)]));
    expect(answer).toMatchObject({ status: 200, rejected: 1 });
    expect(answer.message).toContain('1 series_limit (for example c: ');
    expect((await receiver.takePoints()).map(({ name }) => name)).toEqual(['a', 'b', 'a', 'b']);
  });
});

describe('who sends', () => {
  test('a key for one agent and region stamps what does not say', async () => {
    await using receiver = await TestReceiver.start();
    const point = gauge('temperature', Date.now(), { attributes: { room: 'a' } });
    expect(await receiver.post(encodeMetrics([point]))).toMatchObject({ status: 200, rejected: 0 });
    const stamped = { ...point.attributes, agent: 'eu-west', region: 'eu-west' };
    expect(await receiver.takePoints()).toEqual([{ ...point, attributes: stamped }]);
  });

  test('a key for several agents takes each of them, and reserved names only with a name', async () => {
    const key = newKey('host');
    const keys = [keyFor(key, { agents: ['a', 'b'], regions: ['eu-west'] })];
    await using receiver = await TestReceiver.start({ keys });
    const of = (attributes: Record<string, string>) =>
      gauge('probe.success', Date.now(), { attributes });
    const points = [of({ agent: 'a' }), of({ agent: 'b' }), of({})];
    const answer = await receiver.post(encodeMetrics(points), { key: key.text });
    expect(answer).toMatchObject({ status: 200, rejected: 1 });
    expect(answer.message).toContain('reserved_name');
    expect((await receiver.takePoints()).map(({ attributes }) => attributes)).toEqual([
      { agent: 'a', region: 'eu-west' },
      { agent: 'b', region: 'eu-west' },
    ]);
  });

  test('an agent under a name that is not its own is refused, and keeps what it has', async () => {
    const key = newKey('moved');
    const identity = { agents: ['moved'], regions: ['eu-west'] };
    await using receiver = await TestReceiver.start({ keys: [keyFor(key, identity)] });
    const attributes = { agent: 'moved', region: 'us-east' };
    const foreign = encodeMetrics([gauge('a', Date.now(), { attributes })]);
    const answer = await receiver.postNumbered(foreign, [1, 2], { key: key.text });
    expect(answer).toMatchObject({ status: 403, rpcCode: 7 });
    expect(answer.message).toContain('may not speak for region "us-east"');
    expect(receiver.count('farpoint_keys_rejected_total', { reason: 'identity' })).toBe(1);
    expect(receiver.telemetry.lastSeenUnixMs('moved')).toBeUndefined();
    receiver.keys.replace([keyFor(key, { ...identity, regions: ['us-east'] })]);
    const again = await receiver.postNumbered(foreign, [1, 2], { key: key.text });
    expect(again).toMatchObject({ status: 200, rejected: 0, through: 2 });
    expect(await receiver.takePoints()).toHaveLength(1);
  });

  test('an agent that got another name on its way is refused until its key is for both, and loses nothing', async () => {
    const key = newKey('moved');
    const identity = { agents: ['old'], regions: ['eu-west'] };
    await using receiver = await TestReceiver.start({ keys: [keyFor(key, identity)] });
    const points = ['old', 'new'].map((agent) =>
      gauge('a', Date.now(), { attributes: { agent, region: 'eu-west' } }),
    );
    const post = () => receiver.postNumbered(encodeMetrics(points), [1, 2], { key: key.text });
    expect(await post()).toMatchObject({ status: 403 });
    receiver.keys.replace([keyFor(key, { ...identity, agents: ['old', 'new'] })]);
    expect(await post()).toMatchObject({ status: 200, rejected: 0, through: 2 });
    expect(await receiver.takePoints()).toEqual(points);
  });

  test('the ends of series under an old name hold up nothing', async () => {
    await using receiver = await TestReceiver.start();
    const ended = gauge('a', Date.now(), { attributes: { region: 'old' }, value: undefined });
    const answer = await receiver.postNumbered(encodeMetrics([ended, good()]), [1, 1]);
    expect(answer).toMatchObject({ status: 200, rejected: 1, through: 1 });
    expect(await receiver.takePoints()).toHaveLength(1);
  });

  test.each(['probe.success', 'probe_success', 'probe-success', 'probe', 'farpoint.runs'])(
    'a stranger may not send %s',
    async (name) => {
      const key = newKey('stranger');
      await using receiver = await TestReceiver.start({ keys: [keyFor(key, {})] });
      const points = [name, 'probes', 'uploads.probe'].map((name) =>
        gauge(name, Date.now(), { attributes: {} }),
      );
      const answer = await receiver.post(encodeMetrics(points), { key: key.text });
      expect(answer).toMatchObject({ status: 200, rejected: 1 });
      expect(await receiver.takePoints()).toEqual(points.slice(1));
    },
  );

  test('a key that is taken away is refused at once, a new one let in', async () => {
    await using receiver = await TestReceiver.start();
    const key = newKey('eu-west');
    expect((await receiver.post(body(), { key: key.text })).status).toBe(401);
    receiver.keys.replace([keyFor(key)]);
    expect((await receiver.post(body(), { key: key.text })).status).toBe(200);
    expect((await receiver.post(body())).status).toBe(401);
  });

  test('an agent is seen when it sends', async () => {
    await using receiver = await TestReceiver.start();
    expect(receiver.telemetry.lastSeenUnixMs('eu-west')).toBeUndefined();
    await receiver.post(body());
    expect(Date.now() - (receiver.telemetry.lastSeenUnixMs('eu-west') ?? 0)).toBeLessThan(10_000);
  });

  test('how wrong the clock of an agent is counts as it said last, also of data that are held', async () => {
    await using receiver = await TestReceiver.start();
    const clockOffset = (): number | undefined => receiver.telemetry.clockOffsetMs('eu-west');
    const post = async (clockOffsetMs: string, unixMs: number): Promise<number> => {
      const points = encodeMetrics([gauge('probe.success', unixMs)]);
      const headers = {
        'farpoint-outbox': 'a',
        'farpoint-sequence': '1-1',
        'farpoint-clock-offset': clockOffsetMs,
      };
      return (await receiver.post(points, { headers })).status;
    };
    expect(await post('600000', Date.now() + 600_000)).toBe(503);
    expect(clockOffset()).toBe(600_000);
    expect(await post('-250', Date.now())).toBe(200);
    expect(clockOffset()).toBe(-250);
    for (const nonsense of ['', 'soon', '1e9', '1'.repeat(16)]) {
      expect(await post(nonsense, Date.now())).toBe(200);
      expect(clockOffset()).toBe(-250);
    }
  });
});

describe('trouble of our own', () => {
  test('a full queue is 503 until there is room, and nothing is lost', async () => {
    const queue = { bytesMax: 600, required: true };
    await using receiver = await TestReceiver.start({ queue });
    const posted = Array.from({ length: 10 }, () => good());
    const answers: TestAnswer[] = [];
    for (const point of posted) answers.push(await receiver.post(encodeMetrics([point])));
    const kept = answers.filter(({ status }) => status === 200).length;
    const refused = answers.at(-1)!;
    expect(refused).toMatchObject({ status: 503, rpcCode: 14 });
    expect(refused.message).toContain('the queue is full for test');
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect((await fetch(`${receiver.url}/readyz`)).status).toBe(503);
    expect(await receiver.takePoints()).toEqual(posted.slice(0, kept));
    expect((await receiver.post(body())).status).toBe(200);
    expect((await fetch(`${receiver.url}/readyz`)).status).toBe(200);
  });

  test('is over in half a minute, also when the clock was put back meanwhile', async () => {
    const clock = new ManualClock();
    const queue = { bytesMax: 1, required: true };
    await using receiver = await TestReceiver.start({ clock, queue });
    const point = gauge('probe.success', clock.unixMs());
    expect((await receiver.post(encodeMetrics([point]))).status).toBe(503);
    clock.step(-3_600_000);
    expect((await fetch(`${receiver.url}/readyz`)).status).toBe(503);
    await clock.advance(31_000);
    expect((await fetch(`${receiver.url}/readyz`)).status).toBe(200);
  });

  test('more requests at once than a key may have are 429', async () => {
    await using receiver = await TestReceiver.start({ limits: { requestsMax: 1 } });
    const { port } = new URL(receiver.url);
    const slow = connect(Number(port), '127.0.0.1');
    slow.write(
      `POST /v1/metrics HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${receiver.key}\r\n` +
        'Content-Type: application/x-protobuf\r\nContent-Length: 9\r\n\r\n',
    );
    const answer = await eventually('the second to be refused', async () => {
      const answer = await receiver.post(body());
      return answer.status !== 200 && answer;
    });
    expect(answer).toMatchObject({ status: 429, rpcCode: 8 });
    expect(answer.headers.get('retry-after')).toBe('1');
    slow.destroy();
    await eventually('room again', async () => (await receiver.post(body())).status === 200);
  });
});

describe('time', () => {
  test('every answer tells the time of the collector', async () => {
    const clock = new ManualClock();
    await using receiver = await TestReceiver.start({ clock });
    const answers = [await receiver.post(body()), await receiver.post(body(), { key: 'none' })];
    for (const { headers } of answers) {
      expect(headers.get('farpoint-time')).toBe(String(clock.unixMs()));
    }
  });

  test('an agent whose clock is ahead keeps its data until they are due', async () => {
    const clock = new ManualClock();
    await using receiver = await TestReceiver.start({ clock });
    const ahead = encodeMetrics([gauge('probe.success', clock.unixMs() + 100_000)]);
    const early = await receiver.postNumbered(ahead, [1, 1]);
    expect(early).toMatchObject({ status: 503, rpcCode: 14 });
    expect(early.message).toContain('100 s ahead of this clock');
    expect(early.headers.get('retry-after')).toBe('40');
    await clock.advance(40_000);
    expect(await receiver.postNumbered(ahead, [1, 1])).toMatchObject({ status: 200, through: 1 });
    expect(await receiver.takePoints()).toHaveLength(1);
  });

  test('the clock of the collector has gone back to 1970: agents keep their data until it is right', async () => {
    const clock = new ManualClock();
    const rightUnixMs = clock.unixMs();
    await using receiver = await TestReceiver.start({ clock });
    clock.step(-rightUnixMs);
    const now = encodeMetrics([gauge('probe.success', rightUnixMs)]);
    const post = (offsetMs: number): ReturnType<TestReceiver['postNumbered']> =>
      receiver.postNumbered(now, [1, 1], {
        headers: { 'farpoint-clock-offset': String(offsetMs) },
      });
    const held = await post(rightUnixMs);
    expect(held).toMatchObject({ status: 503, rpcCode: 14 });
    expect(held.message).toContain('one of the two clocks is wrong');
    clock.step(rightUnixMs);
    expect(await post(0)).toMatchObject({ status: 200, rejected: 0, through: 1 });
    expect(await receiver.takePoints()).toHaveLength(1);
    expect(receiver.count('farpoint_items_rejected_total')).toBe(0);
  });

  test('what an agent dated by a clock that is right by now can never be accepted, and is in nobody’s way', async () => {
    const clock = new ManualClock();
    await using receiver = await TestReceiver.start({ clock });
    const future = encodeMetrics([gauge('probe.success', clock.unixMs() + 365 * 86_400_000)]);
    // At its first request an agent cannot know how far its clock is off: the answer tells it the time.
    expect(await receiver.postNumbered(future, [1, 1])).toMatchObject({ status: 503 });
    const headers = { 'farpoint-clock-offset': '-3' };
    const answer = await receiver.postNumbered(future, [1, 1], { headers });
    expect(answer).toMatchObject({ status: 200, rejected: 1, through: 1 });
  });

  test('data of a stranger that are ahead go on at once, since nobody keeps them', async () => {
    const clock = new ManualClock();
    await using receiver = await TestReceiver.start({ clock });
    const ahead = encodeMetrics([gauge('probe.success', clock.unixMs() + 100_000)]);
    expect(await receiver.post(ahead)).toMatchObject({ status: 200, rejected: 0 });
  });
});

function randomFrom0xff(length: number): Buffer {
  return Buffer.alloc(length, 0xff);
}

function manyEmptyPoints(count: number): Uint8Array {
  const writer = new ProtobufWriter();
  const open = [writer.begin(1), writer.begin(2), writer.begin(2)];
  writer.string(1, 'm');
  const data = writer.begin(5);
  for (let point = 0; point < count; point += 1) writer.bytes(1, new Uint8Array());
  writer.end(data);
  for (const begun of open.toReversed()) writer.end(begun);
  return writer.finish();
}

function deltaSum(name: string): Uint8Array {
  const writer = new ProtobufWriter();
  const open = [writer.begin(1), writer.begin(2), writer.begin(2)];
  writer.string(1, name);
  const sum = writer.begin(7);
  const point = writer.begin(1);
  writer.fixed64(3, BigInt(Date.now()) * 1_000_000n);
  writer.double(4, 5);
  writer.end(point);
  writer.uint32(2, 1);
  writer.end(sum);
  for (const begun of open.toReversed()) writer.end(begun);
  return writer.finish();
}
