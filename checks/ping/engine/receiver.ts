import { formatIp, ipOffset, isIpAt } from './address.ts';
import type { EchoSocket } from './echo-socket.ts';
import {
  findReply,
  hopLimitOf,
  identifierAt,
  isIntact,
  type PacketError,
  payloadAt,
  readQueuedError,
  readRawError,
  sequenceAt,
  stampedNumber,
} from './interpret.ts';
import type { Libc } from './libc.ts';
import { type Message, ReceiveRing } from './receive-ring.ts';

/** Enough for most; larger packets make the ring grow. */
const packetBytesUsual = 2048;

/** Of a raw socket's packets. */
const ipHeaderBytesMax = 60;

/** Fetches what has come to a socket, and tells each burst what is its. */
export class Receiver {
  readonly #libc: Libc;
  readonly #epochSeconds: number;
  #ring: ReceiveRing;

  constructor(libc: Libc, epochSeconds: number) {
    this.#libc = libc;
    this.#epochSeconds = epochSeconds;
    this.#ring = new ReceiveRing(libc, packetBytesUsual, epochSeconds);
  }

  /** From now on packets of this size arrive whole. */
  makeRoomFor(packetBytes: number): void {
    const needed = packetBytes + ipHeaderBytesMax;
    if (needed <= this.#ring.packetBytes) return;
    this.#ring = new ReceiveRing(this.#libc, needed, this.#epochSeconds);
  }

  /** The error queue first: it has the stamps of packets leaving, which their replies are timed by. */
  fetch(socket: EchoSocket, nowMs: number): void {
    const { bytes } = this.#ring;
    socket.drain(this.#ring, 'errors', (message) => takeQueued(socket, bytes, message));
    socket.drain(this.#ring, 'packets', (message) => takePacket(socket, bytes, message, nowMs));
  }
}

function takeQueued(socket: EchoSocket, bytes: Uint8Array, message: Readonly<Message>): void {
  const number = stampedNumber(message);
  const sequence = number === undefined ? undefined : socket.stamped[number];
  if (sequence === undefined) {
    fail(socket, bytes, readQueuedError(bytes, message, socket.options));
  } else if (message.stampMs !== undefined) {
    socket.burstOf(sequence)?.left(socket.indexOf(sequence), message.stampMs);
  }
}

function takePacket(
  socket: EchoSocket,
  bytes: Uint8Array,
  message: Readonly<Message>,
  nowMs: number,
): void {
  if (message.dropped !== undefined) socket.noteDropped(message.dropped);
  const icmp = findReply(bytes, message, socket.options);
  if (icmp === undefined) {
    if (socket.options.kind === 'raw') {
      fail(socket, bytes, readRawError(bytes, message, socket.options));
    }
    return;
  }
  const sequence = sequenceAt(bytes, icmp);
  const burst = socket.burstOf(sequence);
  if (burst === undefined || identifierAt(bytes, icmp) !== socket.identifier) return;
  const match = burst.compare(bytes, payloadAt(icmp), message.data + message.length);
  if (match === 'foreign') return;
  const sender = ipOffset(bytes, message.name);
  if (!isIpAt(bytes, sender, burst.ip)) {
    const other = formatIp(bytes.subarray(sender, sender + burst.ip.length));
    burst.failed({ kind: 'other', message: `answered by another address, ${other}` });
  } else if (match === 'corrupted' || !isIntact(bytes, message, icmp)) {
    burst.corrupted();
  } else {
    const hopLimit = hopLimitOf(bytes, message, icmp);
    burst.replied(socket.indexOf(sequence), { nowMs, stampMs: message.stampMs, hopLimit });
  }
}

function fail(socket: EchoSocket, bytes: Uint8Array, error: PacketError | undefined): void {
  if (error?.identifier !== socket.identifier) return;
  const burst = socket.burstOf(error.sequence);
  if (burst && isIpAt(bytes, error.destination, burst.ip)) burst.failed(error.error);
}
