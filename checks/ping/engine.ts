import { randomBytes } from 'node:crypto';
import type { Clock } from '#lib/clock';
import { encodeAddress, ipOf } from './engine/address.ts';
import { Agenda } from './engine/agenda.ts';
import { Burst } from './engine/burst.ts';
import { EchoMessage } from './engine/echo-message.ts';
import { EchoSocket } from './engine/echo-socket.ts';
import { describeErrno, errno } from './engine/errno.ts';
import { icmpHeaderBytes } from './engine/icmp.ts';
import type { Libc } from './engine/libc.ts';
import { Pace } from './engine/pace.ts';
import { Receiver } from './engine/receiver.ts';
import type { SocketOptions } from './engine/socket-options.ts';
import { SocketPool } from './engine/socket-pool.ts';
import { WallClock } from './engine/wall-clock.ts';
import type { EchoError, EchoPlan, EchoReport, EchoUnavailable } from './pinger.ts';

/*
 * All echo requests of the process, sent and received by one pump on the event loop.
 *
 * The pump runs every slot of 10 ms while anything is under way. It fetches what has arrived, ends what
 * has waited long enough, and sends what is due, spread over the slots. It need not hurry: the kernel
 * stamps packets when they leave and when they arrive, and keeps them until they are fetched. So a
 * busy event loop neither changes a round trip nor loses a reply that came in time, and a thousand
 * packets a second cost a hundred wake-ups. (Waiting for the sockets by koffi's poll handles wakes up
 * for every packet, and again for every transmit stamp.)
 *
 * Order matters within one turn: first the error queue, which has the stamps of leaving, then the
 * replies, then the time-outs.
 */

/** Sent in one turn, so that replies are fetched before the socket's buffer is full. */
const turnMax = 64;

export interface EngineOptions {
  readonly libc: Libc;
  readonly clock: Clock;
  /** What may be opened for each address family. */
  readonly kinds: Readonly<Partial<Record<4 | 6, SocketOptions['kind']>>>;
  readonly packetsPerSecondMax: number;
  /** How often to look after sockets; longer is cheaper, shorter spreads packets more evenly. */
  readonly slotMs: number;
}

/** A burst on its way. */
interface Sending {
  readonly burst: Burst;
  readonly message: EchoMessage;
  readonly options: SocketOptions;
  socket: EchoSocket;
}

/** Serves any number of bursts at once; see above. */
export class IcmpEngine implements Disposable {
  readonly #libc: Libc;
  readonly #clock: Clock;
  readonly #wallClock: WallClock;
  readonly #kinds: EngineOptions['kinds'];
  readonly #slotMs: number;
  readonly #pace: Pace;
  readonly #pool: SocketPool;
  readonly #receiver: Receiver;
  /** When to send the next packet of a burst, and when its last one has waited long enough. */
  readonly #sends: Agenda<Sending>;
  readonly #ends: Agenda<Burst>;
  readonly #underWay = new Set<Sending>();
  #isArmed = false;

  constructor({ libc, clock, kinds, packetsPerSecondMax, slotMs }: EngineOptions) {
    this.#libc = libc;
    this.#clock = clock;
    this.#slotMs = slotMs;
    this.#sends = new Agenda(slotMs);
    this.#ends = new Agenda(slotMs);
    this.#wallClock = new WallClock(libc, clock);
    this.#kinds = kinds;
    this.#pace = new Pace(packetsPerSecondMax);
    this.#receiver = new Receiver(libc, this.#wallClock.epochSeconds);
    const nowMs = (): number => clock.monotonicMs();
    this.#pool = new SocketPool(libc, nowMs, (socket) => this.#receiver.fetch(socket, nowMs()));
  }

  /** Sends the packets of a plan and waits for what becomes of them. */
  async echo(plan: EchoPlan, signal: AbortSignal): Promise<EchoReport | EchoUnavailable> {
    const startedMs = this.#clock.monotonicMs();
    const sending = this.#prepare(plan);
    if ('unavailable' in sending) return sending;
    const setupMs = this.#clock.monotonicMs() - startedMs;
    const cut = (): void => this.#cut(sending);
    signal.addEventListener('abort', cut, { once: true });
    if (signal.aborted) cut();
    else this.#start(sending);
    await sending.burst.finished;
    signal.removeEventListener('abort', cut);
    this.#underWay.delete(sending);
    this.#pool.release(sending.burst);
    return sending.burst.report(this.#clock.monotonicMs(), setupMs);
  }

  [Symbol.dispose](): void {
    for (const sending of this.#underWay) sending.burst.end();
    this.#pool[Symbol.dispose]();
  }

  #prepare(plan: EchoPlan): Sending | EchoUnavailable {
    const { family, source, hopLimit, dontFragment } = plan;
    const kind = this.#kinds[family];
    const address = encodeAddress(this.#libc, plan.address);
    if (kind === undefined || address === undefined) {
      return { unavailable: `cannot send to ${plan.address}` };
    }
    const payload = randomBytes(plan.size);
    const burst = new Burst(plan, ipOf(address), payload);
    const options = { kind, family, source, hopLimit, dontFragment };
    const socket = this.#pool.acquire(options, burst);
    if (!(socket instanceof EchoSocket)) {
      return { unavailable: `cannot open an ICMP socket: ${socket.refused}` };
    }
    const message = new EchoMessage(this.#libc, options, { address, payload });
    this.#receiver.makeRoomFor(message.packetBytes);
    return { burst, message, options, socket };
  }

  #start(sending: Sending): void {
    this.#underWay.add(sending);
    this.#sends.add(sending, this.#clock.monotonicMs());
    this.#arm(0);
  }

  /** Ends a burst early; what has arrived but was not fetched still counts. */
  #cut({ burst }: Sending): void {
    this.#fetch(this.#clock.monotonicMs());
    burst.end();
  }

  #arm(delayMs: number): void {
    if (this.#isArmed) return;
    this.#isArmed = true;
    if (delayMs === 0) setImmediate(() => this.#turn());
    else setTimeout(() => this.#turn(), delayMs);
  }

  #turn(): void {
    this.#isArmed = false;
    const nowMs = this.#clock.monotonicMs();
    this.#fetch(nowMs);
    for (const burst of this.#ends.take(nowMs)) burst.end();
    const due = this.#sends.take(nowMs, Math.min(this.#pace.allowance(nowMs), turnMax));
    this.#pace.spend(due.length);
    const isStamped = due.length < turnMax;
    for (const sending of due) if (sending.burst.isSending) this.#sendNext(sending, isStamped);
    if (this.#underWay.size > 0) this.#arm(isStamped ? this.#slotMs : 0);
  }

  #fetch(nowMs: number): void {
    const stepMs = this.#wallClock.step();
    for (const socket of this.#pool.active()) {
      if (stepMs !== 0) for (const burst of socket.waiting) burst.clockStepped(stepMs);
      this.#receiver.fetch(socket, nowMs);
    }
  }

  #sendNext(sending: Sending, isStamped: boolean): void {
    const { burst } = sending;
    const { gapMs, waitMs } = burst.plan;
    const nowMs = this.#clock.monotonicMs();
    const error = this.#transmit(sending, isStamped);
    if (error === errno.EAGAIN || error === errno.ENOBUFS) {
      return this.#sends.add(sending, nowMs + this.#slotMs);
    }
    burst.sent(nowMs, this.#wallClock.at(nowMs));
    if (error !== 0) burst.failed(describeRefusal(error, burst.plan));
    if (burst.isSending) this.#sends.add(sending, nowMs + gapMs);
    else this.#ends.add(burst, nowMs + waitMs + this.#slotMs);
  }

  /** Tries twice, because a socket may first report the error of an earlier packet. */
  #transmit(sending: Sending, isStamped: boolean): number {
    for (let attempt = 1; ; attempt++) {
      if (sending.socket.isSpent) {
        const socket = this.#pool.acquire(sending.options, sending.burst);
        if (!(socket instanceof EchoSocket)) return errno.ENOBUFS;
        sending.socket = socket;
      }
      const { socket, burst, message } = sending;
      const isFresh = socket.sentCount === 0;
      const error = socket.send(burst, message, isStamped);
      if (error === 0 || isFresh || attempt === 2) return error;
    }
  }
}

/** Why this host did not send. */
function describeRefusal(error: number, { address, size }: EchoPlan): EchoError {
  switch (error) {
    case errno.ENETUNREACH:
    case errno.EHOSTUNREACH:
    case errno.ENETDOWN:
      return {
        kind: 'no_route',
        message: `this host has no route to ${address}: ${describeErrno(error)}`,
      };
    case errno.EPERM:
    case errno.EACCES:
      return {
        kind: 'denied',
        message: `this host's firewall or routes deny packets to ${address}: ${describeErrno(error)}`,
      };
    default: {
      const bytes = size + icmpHeaderBytes;
      return {
        kind: 'refused',
        message: `this host refuses to send ${bytes} bytes to ${address}: ${describeErrno(error)}`,
      };
    }
  }
}
