import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeBlock, encodeBlock } from '#collector/queue/block';
import { compress, decompress } from '#collector/queue/payload';
import { encodeMetrics } from '#lib/otlp/metrics';
import { ProtobufWriter } from '#lib/protobuf/writer';
import { TestReceiver } from '../../support/collector/test-receiver.ts';
import { gauge } from '../../support/otlp/points.ts';

const request = encodeMetrics(
  Array.from({ length: 30 }, (_, index) => gauge(`p${index}`, Date.now())),
);

test('a block survives encoding and decoding', () => {
  const position = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
  const block = fc.record({
    signal: fc.constantFrom('metrics', 'logs'),
    agent: fc.string({ unit: 'grapheme' }),
    keyId: fc.string(),
    receivedUnixMs: fc.nat(),
    range: fc.option(
      fc.record({ outbox: fc.string({ minLength: 1 }), first: position, last: position }),
      { nil: undefined },
    ),
    payload: fc.uint8Array(),
  });
  fc.assert(
    fc.property(block, (block) => {
      const decoded = decodeBlock(encodeBlock({ ...block, payload: compress(block.payload) }));
      const payload = Uint8Array.from(decompress(decoded.payload));
      expect({ ...decoded, payload }).toEqual(block);
    }),
  );
});

test('a block of format 1, whose payload was not compressed, is read', () => {
  const writer = new ProtobufWriter();
  writer.uint32(1, 1);
  writer.uint32(2, 0);
  writer.bytes(9, request);
  const { payload, signal } = decodeBlock(writer.finish());
  expect(signal).toBe('metrics');
  expect(Uint8Array.from(decompress(payload))).toEqual(request);
  expect(payload.inflatedBytes).toBe(request.length);
});

test('a block of a newer program is refused by what it is', () => {
  const bytes = Uint8Array.from([8, 3]);
  expect(() => decodeBlock(bytes)).toThrow('has format 3, this program knows 2');
});

test('a payload that inflates to more than it says is not held in memory', () => {
  const gzip = gzipSync(Buffer.alloc(1_000_000));
  expect(() => decompress({ gzip, inflatedBytes: 1000 })).toThrow(RangeError);
});

test.for([
  { posted: 'as gzip', isGzip: true },
  { posted: 'as it is', isGzip: false },
])('what is posted $posted is compressed on disk, and delivered the same', async ({ isGzip }) => {
  await using receiver = await TestReceiver.start();
  expect(await receiver.post(request, { isGzip })).toMatchObject({ status: 200 });
  const { pendingBytes } = receiver.queue.statistics('test');
  expect(pendingBytes).toBeLessThan(request.length / 5);
  const points = await receiver.takePoints();
  expect(encodeMetrics(points)).toEqual(request);
});

test('of what is posted as gzip those very bytes are kept, unless something in it is refused', async () => {
  await using receiver = await TestReceiver.start();
  const headers = { 'content-encoding': 'gzip' };
  const loose = gzipSync(request, { level: 0 });
  await receiver.post(loose, { headers });
  expect(receiver.queue.statistics('test').pendingBytes).toBeGreaterThan(loose.length);
  await receiver.takePoints();

  const foreign = encodeMetrics([gauge('a', Date.now(), { attributes: { agent: 'us-east' } })]);
  const mixed = gzipSync(Buffer.concat([request, foreign]), { level: 0 });
  expect(await receiver.post(mixed, { headers })).toMatchObject({ status: 200, rejected: 1 });
  expect(receiver.queue.statistics('test').pendingBytes).toBeLessThan(mixed.length / 5);
  expect(encodeMetrics(await receiver.takePoints())).toEqual(request);
});

test('gzip of several members, as a sender that streams may post it, is delivered whole', async () => {
  await using receiver = await TestReceiver.start();
  const parts = Array.from({ length: 5 }, (_, index) =>
    encodeMetrics([gauge(`p${index}`, Date.now(), { description: '-'.repeat(1000 * index) })]),
  );
  const members = Buffer.concat(parts.map((part) => gzipSync(part)));
  await receiver.post(members, { headers: { 'content-encoding': 'gzip' } });
  const points = await receiver.takePoints();
  expect(points.map(({ name }) => name)).toEqual(['p0', 'p1', 'p2', 'p3', 'p4']);
});
