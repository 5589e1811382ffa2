import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { findReply, isIntact, readQueuedError, readRawError } from '#checks/ping/engine/interpret';
import type { Message } from '#checks/ping/engine/receive-ring';

const nameBytes = 32;
const origins = [
  { kind: 'raw', family: 4 },
  { kind: 'raw', family: 6 },
  { kind: 'datagram', family: 4 },
  { kind: 'datagram', family: 6 },
] as const;

test('no bytes from outside are read beyond their end, or make reading fail', () => {
  const packet = fc.uint8Array({ maxLength: 120 });
  const firstByte = fc.constantFrom(0x45, 0x4f, 0x40, 0x60, 0, 3, 11, 129, 1, 3);
  fc.assert(
    fc.property(packet, firstByte, fc.constantFrom(...origins), (rest, first, origin) => {
      const { bytes, message } = received(Uint8Array.of(first, ...rest));
      const end = message.data + message.length;
      const icmp = findReply(bytes, message, origin);
      if (icmp !== undefined) {
        expect(icmp + 8).toBeLessThanOrEqual(end);
        expect(typeof isIntact(bytes, message, icmp)).toBe('boolean');
      }
      for (const error of [
        readRawError(bytes, message, origin),
        readQueuedError(bytes, message, origin),
      ]) {
        if (error !== undefined) expect(error.destination).toBeLessThan(end);
      }
    }),
    { numRuns: 2000 },
  );
});

test('an error on a raw IPv4 socket leads to the packet it is about', () => {
  const { bytes, message } = received(
    Uint8Array.of(
      ...ipHeader('10.0.0.1', '10.0.0.9'),
      ...icmpHeader(3, 1),
      ...ipHeader('10.0.0.9', '192.0.2.7'),
      ...icmpHeader(8, 0, 0x12, 0x34, 0, 5),
    ),
  );
  const error = readRawError(bytes, message, { kind: 'raw', family: 4 });
  expect(error).toMatchObject({
    identifier: 0x1234,
    sequence: 5,
    error: { kind: 'unreachable', message: 'host unreachable from 10.0.0.1' },
  });
  expect(bytes.subarray(error?.destination).slice(0, 4)).toEqual(Uint8Array.of(192, 0, 2, 7));
});

test('an error about a packet that is no echo request is none of ours', () => {
  const { bytes, message } = received(
    Uint8Array.of(
      ...ipHeader('10.0.0.1', '10.0.0.9'),
      ...icmpHeader(3, 3),
      ...ipHeader('10.0.0.9', '192.0.2.7'),
      ...udpHeader,
    ),
  );
  expect(readRawError(bytes, message, { kind: 'raw', family: 4 })).toBeUndefined();
});

/** A packet from 10.0.0.1 as the ring holds it: the sockaddr, then the data, then others' data. */
function received(packet: Uint8Array): { bytes: Uint8Array; message: Message } {
  const bytes = new Uint8Array(nameBytes + packet.length + 400).fill(0xee);
  bytes.set([2, 0, 0, 0, 10, 0, 0, 1]);
  bytes.set(packet, nameBytes);
  const message = {
    name: 0,
    data: nameBytes,
    length: packet.length,
    truncated: false,
    stampMs: undefined,
    hopLimit: undefined,
    dropped: undefined,
    error: { origin: 2, type: 3, code: 1, info: 0, data: 0, offender: 0 },
  };
  return { bytes, message };
}

function ipHeader(from: string, to: string): number[] {
  const addresses = [...from.split('.'), ...to.split('.')].map(Number);
  return [0x45, 0, 0, 64, 0, 0, 0, 0, 64, 1, 0, 0, ...addresses];
}

function icmpHeader(type: number, code: number, ...rest: readonly number[]): number[] {
  const [a = 0, b = 0, c = 0, d = 0] = rest;
  return [type, code, 0, 0, a, b, c, d];
}

const udpHeader = [0x12, 0x34, 0, 53, 0, 8, 0, 0];
