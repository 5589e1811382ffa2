import type { EchoError } from '../pinger.ts';
import { formatIp, ipOf, ipOffset } from './address.ts';
import { checksum, describeIcmpError, icmpHeaderBytes, icmpTypes } from './icmp.ts';
import type { Message } from './receive-ring.ts';
import type { SocketOptions } from './socket-options.ts';

/*
 * What the bytes of a message mean; positions are offsets into the ring's bytes. A raw IPv4 socket
 * gives the IP header, too; all others begin with the ICMP header.
 */
type Origin = Pick<SocketOptions, 'kind' | 'family'>;

/** An ICMP error about a packet of ours, if the rest fits. */
export interface PacketError {
  readonly identifier: number;
  readonly sequence: number;
  /** Where the address stands that the packet was sent to. */
  readonly destination: number;
  readonly error: EchoError;
}

/** Where the ICMP header of an echo reply stands; undefined if the message is none. */
export function findReply(
  bytes: Uint8Array,
  message: Readonly<Message>,
  { kind, family }: Origin,
): number | undefined {
  const icmp = message.data + (kind === 'raw' && family === 4 ? ipv4Bytes(bytes, message.data) : 0);
  if (icmp + icmpHeaderBytes > message.data + message.length) return undefined;
  return bytes[icmp] === icmpTypes[family].reply ? icmp : undefined;
}

export function identifierAt(bytes: Uint8Array, icmp: number): number {
  return uint16(bytes, icmp + 4);
}

export function sequenceAt(bytes: Uint8Array, icmp: number): number {
  return uint16(bytes, icmp + 6);
}

export function payloadAt(icmp: number): number {
  return icmp + icmpHeaderBytes;
}

/** The hop limit left: in the IP header, where there is one. */
export function hopLimitOf(
  bytes: Uint8Array,
  message: Readonly<Message>,
  icmp: number,
): number | undefined {
  return icmp === message.data ? message.hopLimit : bytes[message.data + 8];
}

/** The kernel has checked what it gives without IP header. */
export function isIntact(bytes: Uint8Array, message: Readonly<Message>, icmp: number): boolean {
  if (message.truncated) return false;
  if (icmp === message.data) return true;
  return checksum(bytes.subarray(icmp, message.data + message.length)) === 0;
}

/** Reads an ICMP error as it came to a raw socket: it quotes the beginning of the packet it is about. */
export function readRawError(
  bytes: Uint8Array,
  message: Readonly<Message>,
  { family }: Origin,
): PacketError | undefined {
  const icmp = message.data + (family === 4 ? ipv4Bytes(bytes, message.data) : 0);
  const quoted = icmp + icmpHeaderBytes;
  const request = quoted + (family === 4 ? ipv4Bytes(bytes, quoted) : ipv6HeaderBytes);
  const { errors, request: requestType } = icmpTypes[family];
  const type = bytes[icmp] ?? 0;
  if (request + icmpHeaderBytes > message.data + message.length) return undefined;
  if (!errors.includes(type) || bytes[request] !== requestType) return undefined;
  return {
    identifier: identifierAt(bytes, request),
    sequence: sequenceAt(bytes, request),
    destination: quoted + (family === 4 ? 16 : 24),
    error: describeIcmpError({
      family,
      type,
      code: bytes[icmp + 1] ?? 0,
      mtu: uint16(bytes, icmp + 6),
      router: formatIp(ipOf(bytes, message.name)),
    }),
  };
}

/** Reads an ICMP error from the error queue of a datagram socket: the kernel has taken it apart. */
export function readQueuedError(
  bytes: Uint8Array,
  { error, data, length, name }: Readonly<Message>,
  { family }: Origin,
): PacketError | undefined {
  const isIcmp = error?.origin === ORIGIN_ICMP || error?.origin === ORIGIN_ICMP6;
  if (!isIcmp || length < icmpHeaderBytes) return undefined;
  return {
    identifier: identifierAt(bytes, data),
    sequence: sequenceAt(bytes, data),
    destination: ipOffset(bytes, name),
    error: describeIcmpError({
      family,
      type: error.type,
      code: error.code,
      mtu: error.info,
      router: formatIp(ipOf(bytes, error.offender)),
    }),
  };
}

/** Which of the packets that asked for a stamp has left; undefined if the message is no stamp. */
export function stampedNumber({ error, stampMs }: Readonly<Message>): number | undefined {
  if (error?.origin !== ORIGIN_TIMESTAMPING || stampMs === undefined) return undefined;
  return error.data;
}

const ipv6HeaderBytes = 40;

function ipv4Bytes(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) & 0x0f) * 4;
}

function uint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

/** Who made an entry of the error queue (linux/errqueue.h). */
const ORIGIN_ICMP = 2;
const ORIGIN_ICMP6 = 3;
const ORIGIN_TIMESTAMPING = 4;
