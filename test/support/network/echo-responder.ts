import koffi from 'koffi';
import type { Host } from './network.ts';

/** What to do to a reply; by itself it is immediate, intact and from the address that was asked. */
export interface ReplyOptions {
  readonly delayMs?: number;
  /** Turns over the bits of the last byte of the payload, with a checksum that fits. */
  readonly corrupt?: boolean;
  /** Another address of the host to reply from. */
  readonly from?: string;
}

export interface EchoRequest {
  /** Counts the requests that came, from zero. */
  readonly number: number;
  readonly identifier: number;
  reply(options?: ReplyOptions): void;
}

const libc = koffi.load(null);
const socket = libc.func('int socket(int, int, int)');
const close = libc.func('int close(int)');
const bind = libc.func('int bind(int, void*, uint)');
const inetPton = libc.func('int inet_pton(int, const char*, void*)');
const recvfrom = libc.func('long recvfrom(int, void*, size_t, int, void*, void*)');
const sendto = libc.func('long sendto(int, void*, size_t, int, void*, uint)');

/** Answers echo requests in the place of a host's kernel, as `respond` says. */
export function openResponder(
  host: Host,
  family: 4 | 6,
  respond: (request: EchoRequest) => void,
): Disposable {
  const ignore = family === 4 ? 'net.ipv4.icmp_echo_ignore_all' : 'net.ipv6.icmp.echo_ignore_all';
  host.sysctl(ignore, '1');
  const own = host.address[family];
  const main = openRaw(host, family, own);
  const sockets = new Map([[own, main]]);
  const packet = Buffer.alloc(70_000);
  const peer = Buffer.alloc(28);
  const peerLength = Buffer.alloc(4);
  let number = 0;
  const timer = setInterval(() => {
    for (;;) {
      peerLength.writeUInt32LE(peer.length);
      const length = Number(recvfrom(main, packet, packet.length, MSG_DONTWAIT, peer, peerLength));
      if (length < 0) return;
      const icmp = Buffer.from(packet.subarray(family === 4 ? 20 : 0, length));
      if (icmp[0] !== (family === 4 ? 8 : 128)) continue;
      const address = Buffer.from(peer);
      const reply = ({ delayMs = 0, corrupt = false, from = own }: ReplyOptions = {}): void => {
        let source = sockets.get(from);
        if (source === undefined) sockets.set(from, (source = openRaw(host, family, from)));
        const answer = toReply(icmp, family, corrupt);
        const send = (): void =>
          void sendto(source, answer, answer.length, 0, address, family === 4 ? 16 : 28);
        if (delayMs === 0) send();
        else setTimeout(send, delayMs);
      };
      respond({ number: number++, identifier: icmp.readUInt16BE(4), reply });
    }
  }, 1);
  return {
    [Symbol.dispose]: () => {
      clearInterval(timer);
      for (const fd of sockets.values()) close(fd);
      host.sysctl(ignore, '0');
    },
  };
}

function openRaw(host: Host, family: 4 | 6, from: string): number {
  using _there = host.enter();
  const domain = family === 4 ? 2 : 10;
  const fd = Number(socket(domain, 3, family === 4 ? 1 : 58));
  if (fd < 0) throw new Error(`cannot open a raw socket: errno ${koffi.errno()}`);
  const address = Buffer.alloc(family === 4 ? 16 : 28);
  address.writeUInt16LE(domain);
  inetPton(domain, from, address.subarray(family === 4 ? 4 : 8));
  if (bind(fd, address, address.length) !== 0) throw new Error(`bind ${from}: ${koffi.errno()}`);
  return fd;
}

/** The kernel computes the checksum of IPv6. */
function toReply(request: Buffer, family: 4 | 6, corrupt: boolean): Buffer {
  const reply = Buffer.from(request);
  reply[0] = family === 4 ? 0 : 129;
  const last = reply.length - 1;
  if (corrupt) reply[last] = ~(reply[last] ?? 0) & 0xff;
  reply.writeUInt16BE(0, 2);
  if (family === 4) reply.writeUInt16BE(checksum(reply), 2);
  return reply;
}

function checksum(bytes: Buffer): number {
  let sum = 0;
  for (const [index, byte] of bytes.entries()) sum += index % 2 === 0 ? byte << 8 : byte;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

const MSG_DONTWAIT = 0x40;
