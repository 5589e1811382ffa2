import type { Burst } from './burst.ts';
import { EchoSocket } from './echo-socket.ts';
import type { Libc } from './libc.ts';
import type { Refusal, SocketOptions } from './socket-options.ts';

/** How long a socket stays open for replies that come after their run. */
const lingerMs = 10_000;

/** A target that is looked at more often than this gets the same identifier twice. */
const turnoverMs = 1000;

/**
 * The sockets in use, one for each set of options, and changed often: a target never sees the same
 * identifier in two runs. A constant one lets a firewall on the way, that has once taken it for a dead
 * conversation, drop every later run. A socket that was replaced stays open for late replies.
 */
export class SocketPool implements Disposable {
  readonly #libc: Libc;
  readonly #nowMs: () => number;
  readonly #lastLook: (socket: EchoSocket) => void;
  readonly #current = new Map<string, { socket: EchoSocket; sinceMs: number }>();
  readonly #all = new Set<EchoSocket>();
  readonly #lingering = new Map<EchoSocket, NodeJS.Timeout>();

  /** `lastLook` is called with a socket that is about to be closed. */
  constructor(libc: Libc, nowMs: () => number, lastLook: (socket: EchoSocket) => void) {
    this.#libc = libc;
    this.#nowMs = nowMs;
    this.#lastLook = lastLook;
  }

  /** Sockets that bursts wait on. */
  *active(): Iterable<EchoSocket> {
    for (const socket of this.#all) if (socket.waiting.size > 0) yield socket;
  }

  /** A socket for another packet of the burst. */
  acquire(options: SocketOptions, burst: Burst): EchoSocket | Refusal {
    const key = JSON.stringify(options);
    const current = this.#current.get(key);
    const socket =
      current && this.#serves(current, burst) ? current.socket : this.#renew(key, options);
    if (socket instanceof EchoSocket) {
      socket.waiting.add(burst);
      socket.addresses.add(burst.plan.address);
    }
    return socket;
  }

  /** The burst no longer waits for anything. */
  release(burst: Burst): void {
    for (const socket of this.#all) if (socket.waiting.delete(burst)) this.#retire(socket);
  }

  [Symbol.dispose](): void {
    for (const socket of this.#all) this.#close(socket);
  }

  #serves({ socket, sinceMs }: { socket: EchoSocket; sinceMs: number }, burst: Burst): boolean {
    if (socket.isSpent) return false;
    if (socket.waiting.has(burst) || !socket.addresses.has(burst.plan.address)) return true;
    return this.#nowMs() - sinceMs < turnoverMs;
  }

  #renew(key: string, options: SocketOptions): EchoSocket | Refusal {
    const socket = EchoSocket.open(this.#libc, options);
    if (!(socket instanceof EchoSocket)) return socket;
    const previous = this.#current.get(key)?.socket;
    this.#all.add(socket);
    this.#current.set(key, { socket, sinceMs: this.#nowMs() });
    if (previous) this.#retire(previous);
    return socket;
  }

  /** Once it is neither current nor waited on, a socket is closed: at once if nothing was sent by it. */
  #retire(socket: EchoSocket): void {
    const isCurrent = this.#current.values().some((current) => current.socket === socket);
    if (isCurrent || socket.waiting.size > 0 || this.#lingering.has(socket)) return;
    if (socket.sentCount === 0) return this.#close(socket);
    const timer = setTimeout(() => this.#close(socket), lingerMs);
    this.#lingering.set(socket, timer.unref());
  }

  #close(socket: EchoSocket): void {
    clearTimeout(this.#lingering.get(socket));
    this.#lingering.delete(socket);
    this.#lastLook(socket);
    this.#all.delete(socket);
    socket[Symbol.dispose]();
  }
}
