import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { checksum, describeIcmpError } from '#checks/ping/engine/icmp';

test('a packet with its checksum sums up to nothing', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 4, maxLength: 200 }), (bytes) => {
      const packet = bytes.with(2, 0).with(3, 0);
      const sum = checksum(packet);
      expect(checksum(packet.with(2, sum >> 8).with(3, sum & 0xff))).toBe(0);
    }),
  );
});

test('an example worked out by hand', () => {
  expect(checksum(Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7))).toBe(0x220d);
});

test.each([
  [4, 3, 1, 'unreachable: host unreachable from 192.0.2.1'],
  [4, 3, 4, 'unreachable: packet too big for the path, whose MTU is 1300 at 192.0.2.1'],
  [4, 3, 99, 'unreachable: destination unreachable (code 99) from 192.0.2.1'],
  [4, 11, 0, 'ttl_exceeded: time to live exceeded at 192.0.2.1'],
  [4, 11, 1, 'ttl_exceeded: fragment reassembly time exceeded at 192.0.2.1'],
  [4, 12, 0, 'other: ICMP error type 12 code 0 from 192.0.2.1'],
  [6, 1, 3, 'unreachable: address unreachable from 192.0.2.1'],
  [6, 2, 0, 'unreachable: packet too big for the path, whose MTU is 1300 at 192.0.2.1'],
  [6, 3, 0, 'ttl_exceeded: time to live exceeded at 192.0.2.1'],
  [6, 4, 1, 'other: ICMP error type 4 code 1 from 192.0.2.1'],
] as const)('IPv%d type %d code %d', (family, type, code, expected) => {
  const error = describeIcmpError({ family, type, code, mtu: 1300, router: '192.0.2.1' });
  expect(`${error.kind}: ${error.message}`).toBe(expected);
});
