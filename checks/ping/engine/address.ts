import { SocketAddress } from 'node:net';
import type { Libc } from './libc.ts';

export const AF_INET = 2;
export const AF_INET6 = 10;

/** A struct sockaddr_in or sockaddr_in6; a zone (`fe80::1%eth0`) names its interface. */
export function encodeAddress(libc: Libc, address: string, port = 0): Uint8Array | undefined {
  const [plain = '', zone] = address.split('%');
  const six = plain.includes(':');
  const bytes = new Uint8Array(six ? 28 : 16);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, six ? AF_INET6 : AF_INET, true);
  view.setUint16(2, port);
  if (libc.inet_pton(six ? AF_INET6 : AF_INET, plain, ipOf(bytes)) !== 1) return undefined;
  if (zone !== undefined) view.setUint32(24, libc.if_nametoindex(zone), true);
  return bytes;
}

/** Where the address alone, four or sixteen bytes, stands in the sockaddr that starts at `offset`. */
export function ipOffset(bytes: Uint8Array, offset = 0): number {
  return offset + (bytes[offset] === AF_INET6 ? 8 : 4);
}

/** The bytes of that address. */
export function ipOf(bytes: Uint8Array, offset = 0): Uint8Array {
  const start = ipOffset(bytes, offset);
  return bytes.subarray(start, start + (bytes[offset] === AF_INET6 ? 16 : 4));
}

/** Four or sixteen bytes as text, IPv6 in its shortest form (RFC 5952). */
export function formatIp(ip: Uint8Array): string {
  if (ip.length === 4) return ip.join('.');
  const groups = Array.from({ length: 8 }, (_, group) =>
    (((ip[2 * group] ?? 0) << 8) | (ip[2 * group + 1] ?? 0)).toString(16),
  );
  return new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address;
}

/** Whether `ip` stands at `offset`. */
export function isIpAt(bytes: Uint8Array, offset: number, ip: Uint8Array): boolean {
  for (let index = 0; index < ip.length; index++) {
    if (bytes[offset + index] !== ip[index]) return false;
  }
  return true;
}
