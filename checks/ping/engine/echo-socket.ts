import { AF_INET, AF_INET6 } from './address.ts';
import type { Burst } from './burst.ts';
import type { EchoMessage } from './echo-message.ts';
import { describeErrno, errno } from './errno.ts';
import type { Libc } from './libc.ts';
import type { Message, ReceiveRing } from './receive-ring.ts';
import { prepareSocket, type Refusal, type SocketOptions } from './socket-options.ts';

/** As many as the sequence field can number; it starts at zero with every socket. */
const sequencesMax = 65_536;

/**
 * One ICMP socket, with one random identifier for its life. Its n-th packet has sequence n, by which
 * replies and ICMP errors find whose it was.
 */
export class EchoSocket implements Disposable {
  readonly options: SocketOptions;
  readonly identifier: number;
  /** Bursts that wait for replies. */
  readonly waiting = new Set<Burst>();
  /** Sequences of packets that the kernel stamps when they leave; it refers to them by their place. */
  readonly stamped: number[] = [];
  /** Targets it has been used for. */
  readonly addresses = new Set<string>();
  readonly #libc: Libc;
  readonly #fd: number;
  /** By sequence: whose packet it was, and which of that burst. */
  readonly #bursts: Burst[] = [];
  readonly #indexes: number[] = [];
  #hasFailed = false;
  #dropped = 0;

  /** Opens a socket, or says which system call was refused and why. */
  static open(libc: Libc, options: SocketOptions): EchoSocket | Refusal {
    const domain = options.family === 4 ? AF_INET : AF_INET6;
    const type = (options.kind === 'raw' ? SOCK_RAW : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
    const fd = libc.socket(domain, type, options.family === 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
    if (fd < 0) return { refused: `socket: ${describeErrno(libc.errno())}` };
    const identifier = prepareSocket(libc, fd, options);
    if (typeof identifier === 'number') return new EchoSocket(libc, fd, { options, identifier });
    libc.close(fd);
    return identifier;
  }

  private constructor(
    libc: Libc,
    fd: number,
    { options, identifier }: { options: SocketOptions; identifier: number },
  ) {
    this.#libc = libc;
    this.#fd = fd;
    this.options = options;
    this.identifier = identifier;
  }

  /** Whether no more packets may be sent by it. */
  get isSpent(): boolean {
    return this.#hasFailed || this.sentCount >= sequencesMax;
  }

  /** How many packets were sent, and so the sequence of the next one. */
  get sentCount(): number {
    return this.#bursts.length;
  }

  burstOf(sequence: number): Burst | undefined {
    return this.#bursts[sequence];
  }

  indexOf(sequence: number): number {
    return this.#indexes[sequence] ?? 0;
  }

  /**
   * Sends the next packet of a burst; asks for a stamp of its leaving if `isStamped`. Returns 0, or
   * the errno why the kernel did not take it: which may be the error of an earlier packet, to another
   * target. Kernels before 6.8 count a failed packet when they number the stamps, so a socket that has
   * failed once is spent.
   */
  send(burst: Burst, message: EchoMessage, isStamped: boolean): number {
    const sequence = this.sentCount;
    message.number(this.identifier, sequence, isStamped);
    if (this.#libc.sendmsg(this.#fd, message.headerAddress, 0) < 0) {
      this.#hasFailed = true;
      return this.#libc.errno();
    }
    this.#bursts.push(burst);
    this.#indexes.push(burst.attempted);
    if (isStamped) this.stamped.push(sequence);
    return 0;
  }

  /** Hands over what has arrived; with `'errors'` what stands in the error queue. */
  drain(
    ring: ReceiveRing,
    queue: 'packets' | 'errors',
    take: (message: Readonly<Message>) => void,
  ): void {
    const flags = queue === 'errors' ? MSG_ERRQUEUE : 0;
    for (let round = 0; round < drainRoundsMax; round++) {
      const count = ring.receive(this.#fd, flags);
      if (count < 0 && this.#libc.errno() === errno.EAGAIN) return;
      for (let slot = 0; slot < count; slot++) take(ring.take(slot));
      if (count >= 0 && count < ring.slots) return;
    }
  }

  /** Takes note of how many packets the kernel has dropped because they were not fetched in time. */
  noteDropped(total: number): void {
    if (total === this.#dropped) return;
    this.#dropped = total;
    for (const burst of this.waiting) burst.overflowed();
  }

  [Symbol.dispose](): void {
    this.#libc.close(this.#fd);
  }
}

/**
 * A bound, because on loopback the reply to what a handler sends is there before the handler returns.
 * An error that is pending on the socket costs one round, too.
 */
const drainRoundsMax = 64;

const SOCK_DGRAM = 2;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const IPPROTO_ICMP = 1;
const IPPROTO_ICMPV6 = 58;
const MSG_ERRQUEUE = 0x2000;
