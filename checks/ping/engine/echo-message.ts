import { checksum, icmpHeaderBytes, icmpTypes } from './icmp.ts';
import type { Libc } from './libc.ts';
import type { SocketOptions } from './socket-options.ts';

/*
 * What sendmsg(2) is given, in one block of memory, as Linux has it on 64-bit little-endian machines:
 *
 *   msghdr    56 bytes: name 0, namelen 8, iov 16, iovlen 24, control 32, controllen 40, flags 48
 *   iovec     16 bytes: base 0, len 8
 *   name      32 bytes: sockaddr_in or sockaddr_in6
 *   control   24 bytes: cmsghdr (len 0, level 8, type 12) and a u32
 *   packet    the ICMP header, then the payload
 *
 * As in the receive ring it holds addresses of itself, so it is an ArrayBuffer of its own.
 */
const offsets = { iov: 56, name: 72, control: 104, packet: 128 };
const controlBytes = 24;

/** The packets of one burst: all the same but for identifier, sequence and what these make of the checksum. */
export class EchoMessage {
  /** Of the msghdr, for sendmsg; good as long as this object is held. */
  readonly headerAddress: number;
  readonly packetBytes: number;
  readonly #view: DataView;
  readonly #packet: Uint8Array;
  readonly #hasChecksum: boolean;

  /** The kernel fills the checksum in, except that of an IPv4 packet on a raw socket. */
  constructor(
    libc: Libc,
    { kind, family }: Pick<SocketOptions, 'kind' | 'family'>,
    { address, payload }: { readonly address: Uint8Array; readonly payload: Uint8Array },
  ) {
    this.packetBytes = icmpHeaderBytes + payload.length;
    this.#hasChecksum = kind === 'raw' && family === 4;
    const block = new ArrayBuffer(offsets.packet + this.packetBytes);
    const bytes = new Uint8Array(block);
    this.#view = new DataView(block);
    this.#packet = bytes.subarray(offsets.packet);
    const base = libc.addressOf(bytes);
    this.headerAddress = Number(base);
    this.#lay(base, address.length);
    bytes.set(address, offsets.name);
    this.#packet[0] = icmpTypes[family].request;
    this.#packet.set(payload, icmpHeaderBytes);
  }

  /** Makes it the packet with this number, and asks the kernel for a stamp of its leaving, or not. */
  number(identifier: number, sequence: number, isStamped: boolean): void {
    const view = this.#view;
    view.setUint32(40, isStamped ? controlBytes : 0, true);
    view.setUint16(offsets.packet + 4, identifier);
    view.setUint16(offsets.packet + 6, sequence);
    if (!this.#hasChecksum) return;
    view.setUint16(offsets.packet + 2, 0);
    view.setUint16(offsets.packet + 2, checksum(this.#packet));
  }

  #lay(base: bigint, nameBytes: number): void {
    const view = this.#view;
    view.setBigUint64(0, base + BigInt(offsets.name), true);
    view.setUint32(8, nameBytes, true);
    view.setBigUint64(16, base + BigInt(offsets.iov), true);
    view.setBigUint64(24, 1n, true);
    view.setBigUint64(32, base + BigInt(offsets.control), true);
    view.setBigUint64(offsets.iov, base + BigInt(offsets.packet), true);
    view.setBigUint64(offsets.iov + 8, BigInt(this.packetBytes), true);
    view.setBigUint64(offsets.control, 20n, true);
    view.setUint32(offsets.control + 8, SOL_SOCKET, true);
    view.setUint32(offsets.control + 12, SO_TIMESTAMPING, true);
    view.setUint32(offsets.control + 16, TX_SOFTWARE, true);
  }
}

const SOL_SOCKET = 1;
const SO_TIMESTAMPING = 37;
const TX_SOFTWARE = 1 << 1;
