import { randomInt } from 'node:crypto';
import { encodeAddress } from './address.ts';
import { describeErrno, errno } from './errno.ts';
import type { Libc } from './libc.ts';
import { attachRawFilter } from './raw-filter.ts';

/** What all packets of one socket have in common. */
export interface SocketOptions {
  readonly kind: 'datagram' | 'raw';
  readonly family: 4 | 6;
  readonly source: string | undefined;
  readonly hopLimit: number | undefined;
  readonly dontFragment: boolean;
}

/** Which step the kernel refused, and why. */
export interface Refusal {
  readonly refused: string;
}

const bufferBytes = 4 * 1024 * 1024;

/** Sets a fresh socket up and binds it to a random identifier, which it returns. */
export function prepareSocket(libc: Libc, fd: number, options: SocketOptions): number | Refusal {
  const set = (level: number, name: number, value: number | Uint8Array): number => {
    const bytes = typeof value === 'number' ? int32(value) : value;
    return libc.setsockopt(fd, level, name, bytes, bytes.length) < 0 ? libc.errno() : 0;
  };
  if (set(SOL_SOCKET, SO_RCVBUFFORCE, bufferBytes) !== 0) set(SOL_SOCKET, SO_RCVBUF, bufferBytes);
  set(SOL_SOCKET, SO_RXQ_OVFL, 1);
  for (const [name, error] of essentials(options, set)) {
    if (error !== 0) return { refused: `${name}: ${describeErrno(error)}` };
  }
  return bindTo(libc, fd, options);
}

type Set = (level: number, name: number, value: number | Uint8Array) => number;

function* essentials(
  { family, kind, source, hopLimit, dontFragment }: SocketOptions,
  set: Set,
): Generator<readonly [name: string, error: number]> {
  const six = family === 6;
  const level = six ? SOL_IPV6 : SOL_IP;
  yield ['kernel time stamps', set(SOL_SOCKET, SO_TIMESTAMPING, timestamping)];
  yield ['reply hop limit', set(level, six ? IPV6_RECVHOPLIMIT : IP_RECVTTL, 1)];
  if (kind === 'datagram') yield ['ICMP errors', set(level, six ? IPV6_RECVERR : IP_RECVERR, 1)];
  if (hopLimit !== undefined) {
    yield ['hop limit', set(level, six ? IPV6_UNICAST_HOPS : IP_TTL, hopLimit)];
  }
  if (dontFragment) {
    yield ["don't fragment", set(level, six ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER, PMTUDISC_PROBE)];
    if (six) yield ["don't fragment", set(level, IPV6_DONTFRAG, 1)];
  }
  if (source !== undefined && !isAddress(source)) {
    yield [`interface ${source}`, set(SOL_SOCKET, SO_BINDTODEVICE, Buffer.from(`${source}\0`))];
  }
}

function isAddress(source: string): boolean {
  return /^[\d.]+$|:/.test(source);
}

/** The identifier of a datagram socket is its port; a raw one writes what it likes. */
function bindTo(libc: Libc, fd: number, { family, kind, source }: SocketOptions): number | Refusal {
  const any = family === 4 ? '0.0.0.0' : '::';
  const local = source !== undefined && isAddress(source) ? source : any;
  for (let attempt = 0; ; attempt++) {
    const identifier = randomInt(1, 65_536);
    const address = encodeAddress(libc, local, kind === 'datagram' ? identifier : 0);
    if (address === undefined) return { refused: `source ${local}: not an address` };
    if (libc.bind(fd, address, address.length) === 0) {
      if (kind === 'datagram') return identifier;
      const error = attachRawFilter(libc, fd, { family, identifier });
      return error === 0 ? identifier : { refused: `socket filter: ${describeErrno(error)}` };
    }
    const error = libc.errno();
    if (error !== errno.EADDRINUSE || attempt > 100) {
      return { refused: `source ${local}: ${describeErrno(error)}` };
    }
  }
}

function int32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value, true);
  return bytes;
}

const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_BINDTODEVICE = 25;
const SO_RCVBUFFORCE = 33;
const SO_TIMESTAMPING = 37;
const SO_RXQ_OVFL = 40;

const SOL_IP = 0;
const IP_TTL = 2;
const IP_MTU_DISCOVER = 10;
const IP_RECVERR = 11;
const IP_RECVTTL = 12;

const SOL_IPV6 = 41;
const IPV6_UNICAST_HOPS = 16;
const IPV6_MTU_DISCOVER = 23;
const IPV6_RECVERR = 25;
const IPV6_RECVHOPLIMIT = 51;
const IPV6_DONTFRAG = 62;

/** Sets don't-fragment, and ignores what the kernel remembers of the path: every packet asks anew. */
const PMTUDISC_PROBE = 3;

/**
 * Software stamps of packets received (1 << 3), and those of packets sent, where a packet asks for
 * one, numbered (1 << 7) and without a copy of it (1 << 11); all reported (1 << 4). See the kernel's
 * networking/timestamping.rst.
 */
const timestamping = (1 << 3) | (1 << 4) | (1 << 7) | (1 << 11);
