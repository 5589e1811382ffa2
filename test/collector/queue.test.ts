import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { OutboxLedger } from '#collector/queue/outbox-ledger';
import { encodeMetrics } from '#lib/otlp/metrics';
import { TestReceiver } from '../support/collector/test-receiver.ts';
import { gauge } from '../support/otlp/points.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'farpoint-hop-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** What an outbox holds at these positions, one point each, as one request. */
function batch(first: number, last: number): Uint8Array {
  const positions = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  return encodeMetrics(positions.map((position) => gauge(`p${position}`, Date.now())));
}

const names = async (receiver: TestReceiver): Promise<string[]> =>
  (await receiver.takePoints()).map(({ name }) => name);

describe('a numbered request', () => {
  test('is stored once, however often it is sent', async () => {
    await using receiver = await TestReceiver.start();
    for (let attempt = 0; attempt < 3; attempt += 1) {
      expect(await receiver.postNumbered(batch(1, 2), [1, 2])).toMatchObject({
        status: 200,
        rejected: 0,
        through: 2,
      });
    }
    expect(await names(receiver)).toEqual(['p1', 'p2']);
    expect(receiver.count('farpoint_batches_repeated_total', { signal: 'metrics' })).toBe(2);
    expect(receiver.count('farpoint_items_accepted_total')).toBe(2);
  });

  test('that begins before what is known is not stored; the answer says where to go on', async () => {
    await using receiver = await TestReceiver.start();
    await receiver.postNumbered(batch(1, 3), [1, 3]);
    expect(await receiver.postNumbered(batch(2, 5), [2, 5])).toMatchObject({ through: 3 });
    expect(await receiver.postNumbered(batch(4, 5), [4, 5])).toMatchObject({ through: 5 });
    expect(await names(receiver)).toEqual(['p1', 'p2', 'p3', 'p4', 'p5']);
  });

  test('that was sent again before the first was answered is stored once', async () => {
    await using receiver = await TestReceiver.start();
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => receiver.postNumbered(batch(1, 1), [1, 1])),
    );
    expect(answers.map(({ status, through }) => [status, through])).toEqual(
      Array.from({ length: 5 }, () => [200, 1]),
    );
    expect(await names(receiver)).toEqual(['p1']);
  });

  test('counts what was skipped before it', async () => {
    await using receiver = await TestReceiver.start();
    await receiver.postNumbered(batch(5, 5), [5, 5]);
    expect(receiver.count('farpoint_batches_missing_total')).toBe(0);
    await receiver.postNumbered(batch(9, 9), [9, 9]);
    expect(receiver.count('farpoint_batches_missing_total')).toBe(3);
  });

  test('of which nothing can be accepted is done with all the same', async () => {
    await using receiver = await TestReceiver.start();
    const ancient = encodeMetrics([gauge('a', Date.now() - 400 * 86_400_000)]);
    const headers = { 'farpoint-clock-offset': '0' };
    const answer = await receiver.postNumbered(ancient, [1, 1], { headers });
    expect(answer).toMatchObject({ status: 200, rejected: 1, through: 1 });
    expect(await receiver.postNumbered(batch(2, 2), [2, 2])).toMatchObject({ through: 2 });
    expect(receiver.count('farpoint_batches_missing_total')).toBe(0);
    expect(await names(receiver)).toEqual(['p2']);
  });

  test('is of its own outbox, and of its own signal', async () => {
    await using receiver = await TestReceiver.start();
    await receiver.postNumbered(batch(1, 5), [1, 5]);
    const other = await receiver.postNumbered(batch(1, 1), [1, 1], { outbox: 'outbox-2' });
    expect(other.through).toBe(1);
    const logs = await receiver.postNumbered(new Uint8Array(), [1, 2], { signal: 'logs' });
    expect(logs.through).toBe(2);
    expect(await names(receiver)).toHaveLength(6);
  });

  test('without numbers it is stored as often as it comes', async () => {
    await using receiver = await TestReceiver.start();
    await receiver.post(batch(1, 1));
    const answer = await receiver.post(batch(1, 1));
    expect(answer.headers.get('farpoint-accepted-through')).toBeNull();
    expect(await names(receiver)).toEqual(['p1', 'p1']);
  });

  test('is remembered over a restart, delivered or not', async () => {
    {
      await using receiver = await TestReceiver.start({ directory });
      await receiver.postNumbered(batch(1, 1), [1, 1]);
      expect(await names(receiver)).toEqual(['p1']);
      await receiver.postNumbered(batch(2, 3), [2, 3]);
    }
    await using receiver = await TestReceiver.start({ directory });
    expect(await receiver.postNumbered(batch(1, 3), [1, 3])).toMatchObject({ through: 3 });
    expect(await receiver.postNumbered(batch(4, 4), [4, 4])).toMatchObject({ through: 4 });
    expect(await names(receiver)).toEqual(['p2', 'p3', 'p4']);
  });

  test('is remembered when its segment of the queue is long gone', async () => {
    const padding = Object.fromEntries(
      Array.from({ length: 24 }, (_, index) => [
        `pad${index}`,
        randomBytes(3000).toString('base64'),
      ]),
    );
    const attributes = { agent: 'eu-west', region: 'eu-west', ...padding };
    const large = (position: number) => encodeMetrics([gauge('p', position, { attributes })]);
    let position = 0;
    for (let restart = 0; restart < 3; restart += 1) {
      await using receiver = await TestReceiver.start({ directory, limits: { seriesMax: 1e6 } });
      for (let count = 0; count < 100; count += 1) {
        position += 1;
        const body = large(Date.now());
        await receiver.postNumbered(body, [position, position], { outbox: `o${restart}` });
      }
      await receiver.takePoints();
    }
    expect(readdirSync(join(directory, 'queue'))).not.toContain('000000000001.segment');
    await using receiver = await TestReceiver.start({ directory });
    for (const outbox of ['o0', 'o1', 'o2']) {
      const first = Number(outbox.slice(1)) * 100 + 1;
      const answer = await receiver.postNumbered(large(Date.now()), [first, first], { outbox });
      expect(answer.through).toBe(first + 99);
    }
  });
});

test('a delivery is filled with what it is once inflated, and ends where the next begins', async () => {
  await using receiver = await TestReceiver.start({ directory });
  // Each is 300 kB, and takes a hundredth of that on disk.
  const large = (request: number) =>
    encodeMetrics(
      Array.from({ length: 100 }, (_, index) =>
        gauge(`p${request}.${index}`, Date.now(), { description: '-'.repeat(3000) }),
      ),
    );
  for (let request = 0; request < 10; request += 1) await receiver.post(large(request));
  expect(receiver.queue.statistics('test').pendingBytes).toBeLessThan(60_000);
  const source = receiver.queue.source('test');
  const delivered: (readonly string[])[] = [];
  while (receiver.queue.statistics('test').pendingBlocks > 0) {
    const pending = await source.next(AbortSignal.timeout(5000));
    delivered.push(pending.batch.points.map(({ name }) => name));
    await pending.acknowledge();
  }
  expect(delivered.map(({ length }) => length)).toEqual([300, 300, 300, 100]);
  expect(delivered.flat()).toEqual(
    Array.from({ length: 1000 }, (_, index) => `p${Math.floor(index / 100)}.${index % 100}`),
  );
});

test('the ledger survives encoding and decoding, and forgets the oldest outboxes of an agent', () => {
  const ledger = new OutboxLedger();
  const header = { signal: 'metrics', keyId: 'k', receivedUnixMs: 5 } as const;
  const note = (agent: string, outbox: string, last: number) =>
    ledger.note({ ...header, agent, range: { outbox, first: 1, last } });
  note('a', 'kept', 3);
  for (let outbox = 0; outbox < 100; outbox += 1) note('b', `o${outbox}`, outbox);
  const decoded = OutboxLedger.decode(ledger.encode());
  expect([...decoded.entries]).toEqual([...ledger.entries]);
  const outboxes = [...decoded.entries].map(({ outbox }) => outbox);
  expect(outboxes).toContain('kept');
  expect(outboxes).toContain('o99');
  expect(outboxes).not.toContain('o50');
  expect(outboxes.length).toBeLessThan(20);
});
