import type { EchoError } from '../pinger.ts';

/** The numbers of ICMP (RFC 792) and ICMPv6 (RFC 4443) that matter to an echo request. */
export interface IcmpTypes {
  readonly request: number;
  readonly reply: number;
  /** Types of the error messages that answer a packet which did not arrive. */
  readonly errors: readonly number[];
}

export const icmpTypes: Readonly<Record<4 | 6, IcmpTypes>> = {
  4: { request: 8, reply: 0, errors: [3, 11, 12] },
  6: { request: 128, reply: 129, errors: [1, 2, 3, 4] },
};

export const icmpHeaderBytes = 8;

/** The Internet checksum (RFC 1071), as needed in the checksum field when that is zero. */
export function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let index = 0; index + 1 < bytes.length; index += 2) {
    sum += ((bytes[index] ?? 0) << 8) | (bytes[index + 1] ?? 0);
  }
  if (bytes.length % 2 === 1) sum += (bytes.at(-1) ?? 0) << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

export interface IcmpErrorFacts {
  readonly family: 4 | 6;
  readonly type: number;
  readonly code: number;
  /** MTU of the next hop, where a packet was too big. */
  readonly mtu: number;
  readonly router: string;
}

/** Says what an ICMP error means: `host unreachable from 192.0.2.1`. */
export function describeIcmpError({ family, type, code, mtu, router }: IcmpErrorFacts): EchoError {
  const tooBig = family === 4 ? type === 3 && code === 4 : type === 2;
  if (tooBig) {
    const message = `packet too big for the path, whose MTU is ${mtu} at ${router}`;
    return { kind: 'unreachable', message };
  }
  const names = family === 4 ? unreachable4 : unreachable6;
  if (type === (family === 4 ? 3 : 1)) {
    const message = `${names[code] ?? `destination unreachable (code ${code})`} from ${router}`;
    return { kind: 'unreachable', message };
  }
  if (type === (family === 4 ? 11 : 3)) {
    const what = code === 0 ? 'time to live exceeded' : 'fragment reassembly time exceeded';
    return { kind: 'ttl_exceeded', message: `${what} at ${router}` };
  }
  return { kind: 'other', message: `ICMP error type ${type} code ${code} from ${router}` };
}

const unreachable4: Readonly<Record<number, string>> = {
  0: 'network unreachable',
  1: 'host unreachable',
  2: 'protocol unreachable',
  3: 'port unreachable',
  5: 'source route failed',
  6: 'network unknown',
  7: 'host unknown',
  8: 'source host isolated',
  9: 'network prohibited',
  10: 'host prohibited',
  11: 'network unreachable for this type of service',
  12: 'host unreachable for this type of service',
  13: 'communication prohibited by a filter',
  14: 'host precedence violated',
  15: 'precedence cut off',
};

const unreachable6: Readonly<Record<number, string>> = {
  0: 'no route to the destination',
  1: 'communication prohibited by a filter',
  2: 'beyond the scope of the source address',
  3: 'address unreachable',
  4: 'port unreachable',
  5: 'source address failed the ingress or egress policy',
  6: 'route to the destination rejected',
};
