import type { Libc } from './libc.ts';

/*
 * One block of memory that recvmmsg(2) fills with up to `slots` messages at once, and the reading of
 * it. Layout, as Linux has it on 64-bit little-endian machines; everything is aligned to eight:
 *
 *   mmsghdr[slots]   64 bytes: name 0, namelen 8, iov 16, iovlen 24, control 32, controllen 40,
 *                    flags 48, len 56
 *   iovec[slots]     16 bytes: base 0, len 8
 *   name[slots]      32 bytes: sockaddr_in or sockaddr_in6
 *   control[slots]  256 bytes: cmsghdr (len 0, level 8, type 12) and its data, repeated
 *   data[slots]     slotBytes
 *
 * The kernel is handed addresses into the block, so it must be an ArrayBuffer of its own: those are
 * never moved by the garbage collector, and live as long as `bytes` is held.
 */
const headerBytes = 64;
const vectorBytes = 16;
export const nameBytes = 32;
const controlBytes = 256;
const slotsMax = 64;
const slotsMin = 8;
const blockBytesAim = 512 * 1024;

/** What the kernel says in `extended error` of a message from a socket's error queue (ip(7)). */
export interface ExtendedError {
  readonly origin: number;
  readonly type: number;
  readonly code: number;
  /** Depends on the origin: the MTU of a packet that was too big. */
  readonly info: number;
  /** For a transmit timestamp: which of the socket's packets it is of. */
  readonly data: number;
  /** Where in `bytes` the sockaddr of the router stands. */
  readonly offender: number;
}

/** One received message; positions are offsets into `bytes`. */
export interface Message {
  name: number;
  data: number;
  length: number;
  truncated: boolean;
  /** Kernel's clock when the packet came or went, in ms since `epochSeconds`; undefined if unknown. */
  stampMs: number | undefined;
  hopLimit: number | undefined;
  /** How many packets this socket had dropped until then, because its buffer was full. */
  dropped: number | undefined;
  error: ExtendedError | undefined;
}

export class ReceiveRing {
  readonly bytes: Uint8Array;
  readonly #words: Uint32Array;
  readonly #view: DataView;
  readonly #libc: Libc;
  readonly #slots: number;
  readonly #slotBytes: number;
  readonly #epochSeconds: number;
  readonly #message: Message = {
    name: 0,
    data: 0,
    length: 0,
    truncated: false,
    stampMs: undefined,
    hopLimit: undefined,
    dropped: undefined,
    error: undefined,
  };
  readonly #offsets: { iov: number; name: number; control: number; data: number };

  /** For packets of at most `packetBytes`; longer ones arrive truncated. */
  constructor(libc: Libc, packetBytes: number, epochSeconds: number) {
    this.#libc = libc;
    this.#epochSeconds = epochSeconds;
    this.#slotBytes = Math.ceil(packetBytes / 8) * 8;
    const fit = Math.floor(blockBytesAim / this.#slotBytes);
    this.#slots = Math.min(slotsMax, Math.max(slotsMin, fit));
    const iov = headerBytes * this.#slots;
    const name = iov + vectorBytes * this.#slots;
    const control = name + nameBytes * this.#slots;
    const data = control + controlBytes * this.#slots;
    this.#offsets = { iov, name, control, data };
    const block = new ArrayBuffer(data + this.#slotBytes * this.#slots);
    this.bytes = new Uint8Array(block);
    this.#words = new Uint32Array(block);
    this.#view = new DataView(block);
    this.#lay();
  }

  get packetBytes(): number {
    return this.#slotBytes;
  }

  get slots(): number {
    return this.#slots;
  }

  /** Receives without waiting; returns how many messages came, or -1 and errno. */
  receive(fd: number, flags: number): number {
    return this.#libc.recvmmsg(fd, this.bytes, this.#slots, flags, null);
  }

  /**
   * Reads a message of the last `receive`, and makes its slot ready for the next one. The result is
   * the same object every time, so it must not be kept.
   */
  take(slot: number): Readonly<Message> {
    const header = (headerBytes * slot) >> 2;
    const message = this.#message;
    message.name = this.#offsets.name + nameBytes * slot;
    message.data = this.#offsets.data + this.#slotBytes * slot;
    message.length = this.#word(header + 14);
    message.truncated = (this.#word(header + 12) & MSG_TRUNC) !== 0;
    message.stampMs = undefined;
    message.hopLimit = undefined;
    message.dropped = undefined;
    message.error = undefined;
    const control = this.#offsets.control + controlBytes * slot;
    this.#readControl(control, control + this.#word(header + 10));
    this.#words[header + 2] = nameBytes;
    this.#words[header + 10] = controlBytes;
    return message;
  }

  #lay(): void {
    const base = this.#libc.addressOf(this.bytes);
    for (let slot = 0; slot < this.#slots; slot++) {
      const header = headerBytes * slot;
      const iov = this.#offsets.iov + vectorBytes * slot;
      const at = (offset: number): bigint => base + BigInt(offset);
      this.#view.setBigUint64(header, at(this.#offsets.name + nameBytes * slot), true);
      this.#view.setUint32(header + 8, nameBytes, true);
      this.#view.setBigUint64(header + 16, at(iov), true);
      this.#view.setBigUint64(header + 24, 1n, true);
      this.#view.setBigUint64(header + 32, at(this.#offsets.control + controlBytes * slot), true);
      this.#view.setBigUint64(header + 40, BigInt(controlBytes), true);
      this.#view.setBigUint64(iov, at(this.#offsets.data + this.#slotBytes * slot), true);
      this.#view.setBigUint64(iov + 8, BigInt(this.#slotBytes), true);
    }
  }

  #readControl(start: number, end: number): void {
    const message = this.#message;
    for (let at = start; at + 16 <= end;) {
      const word = at >> 2;
      const length = this.#word(word);
      switch ((this.#word(word + 2) << 8) | this.#word(word + 3)) {
        case SCM_TIMESTAMPING:
          message.stampMs = this.#readStamp(word + 4);
          break;
        case IP_TTL:
        case IPV6_HOPLIMIT:
          message.hopLimit = this.#word(word + 4);
          break;
        case SO_RXQ_OVFL:
          message.dropped = this.#word(word + 4);
          break;
        case IP_RECVERR:
        case IPV6_RECVERR:
          message.error = this.#readError(at + 16);
          break;
        default:
      }
      if (length < 16) break;
      at += (length + 7) & ~7;
    }
  }

  /** A struct timespec; all zero when there is no such stamp. */
  #readStamp(word: number): number | undefined {
    const seconds = this.#word(word);
    if (seconds === 0) return undefined;
    return (seconds - this.#epochSeconds) * 1000 + this.#word(word + 2) / 1e6;
  }

  /** A struct sock_extended_err, followed by the sockaddr of who reported the error. */
  #readError(at: number): ExtendedError {
    return {
      origin: this.bytes[at + 4] ?? 0,
      type: this.bytes[at + 5] ?? 0,
      code: this.bytes[at + 6] ?? 0,
      info: this.#word((at + 8) >> 2),
      data: this.#word((at + 12) >> 2),
      offender: at + 16,
    };
  }

  #word(index: number): number {
    return this.#words[index] ?? 0;
  }
}

const MSG_TRUNC = 0x20;

/** Control messages as level << 8 | type. */
const SCM_TIMESTAMPING = (1 << 8) | 37;
const SO_RXQ_OVFL = (1 << 8) | 40;
const IP_TTL = (0 << 8) | 2;
const IP_RECVERR = (0 << 8) | 11;
const IPV6_HOPLIMIT = (41 << 8) | 52;
const IPV6_RECVERR = (41 << 8) | 25;
