import { randomInt } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer, isIPv4, type Server } from 'node:net';

/** What to answer a question with; `silence` sends nothing, `raw` replaces the whole message. */
export type DnsReply =
  | 'silence'
  | { readonly raw: Buffer }
  | {
      /** 0 NOERROR, 2 SERVFAIL, 3 NXDOMAIN, 5 REFUSED (RFC 1035). */
      readonly rcode?: number;
      readonly records?: readonly DnsRecord[];
      /** Over UDP say only that the answer is too long, so that it is asked for again over TCP. */
      readonly truncate?: boolean;
    };

export interface DnsRecord {
  readonly type: keyof typeof typeNumbers;
  readonly data: Buffer;
  readonly ttl?: number;
}

export interface DnsQuestion {
  readonly name: string;
  readonly type: string;
  readonly transport: 'udp' | 'tcp';
}

export interface DnsServer extends AsyncDisposable {
  /** `127.0.0.1:PORT`, as the setting `resolvers` takes it. */
  readonly address: string;
  /** Everything it was asked, in order. */
  readonly questions: readonly DnsQuestion[];
}

const typeNumbers = { A: 1, NS: 2, CNAME: 5, SOA: 6, MX: 15, TXT: 16, AAAA: 28, SRV: 33 } as const;

/** A name server on loopback, over UDP and (unless `tcp` is false) TCP, that answers as it is told. */
export async function serveDns(
  answer: (question: DnsQuestion) => DnsReply,
  options: { readonly tcp?: boolean; readonly delayMs?: number } = {},
): Promise<DnsServer> {
  const questions: DnsQuestion[] = [];
  const reply = (query: Buffer, transport: 'udp' | 'tcp'): Buffer | undefined => {
    const question = { ...readQuestion(query), transport };
    questions.push(question);
    return writeReply(query, answer(question), transport);
  };
  const tcp = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (piece) => {
      const message = reply(piece.subarray(2), 'tcp');
      if (message === undefined) return;
      const length = Buffer.alloc(2);
      length.writeUInt16BE(message.length);
      socket.end(Buffer.concat([length, message]));
    });
  });
  const udp = options.tcp === false ? await listenAlone() : await listenOnBoth(tcp);
  const { port } = udp.address();
  let closed = false;
  udp.on('message', (query, from) => {
    const message = reply(query, 'udp');
    if (message === undefined) return;
    setTimeout(() => {
      if (!closed) udp.send(message, from.port, from.address);
    }, options.delayMs ?? 0);
  });
  return {
    address: `127.0.0.1:${port}`,
    questions,
    [Symbol.asyncDispose]: async () => {
      closed = true;
      udp.close();
      if (!tcp.listening) return;
      tcp.close();
      await once(tcp, 'close');
    },
  };
}

/** A port that is free for TCP may be taken for UDP: then another is tried. */
async function listenOnBoth(tcp: Server): Promise<Socket> {
  for (;;) {
    tcp.listen(0, '127.0.0.1');
    await once(tcp, 'listening');
    const { port } = tcp.address() as AddressInfo;
    const udp = createSocket('udp4').bind(port, '127.0.0.1');
    if (await isListening(udp)) return udp;
    udp.close();
    tcp.close();
    await once(tcp, 'close');
  }
}

/** On a port that no other server is given, so that nobody listens there on TCP. */
async function listenAlone(): Promise<Socket> {
  for (;;) {
    const udp = createSocket('udp4').bind(randomInt(20_000, 32_000), '127.0.0.1');
    if (await isListening(udp)) return udp;
    udp.close();
  }
}

async function isListening(udp: Socket): Promise<boolean> {
  return once(udp, 'listening').then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'EADDRINUSE',
  );
}

/** An A or AAAA record. */
export function address(text: string, ttl = 60): DnsRecord {
  if (isIPv4(text)) return { type: 'A', data: Buffer.from(text.split('.').map(Number)), ttl };
  const groups = text.split('::').map((half) => half.split(':').filter(Boolean));
  const [left = [], right = []] = groups;
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0');
  const data = Buffer.alloc(16);
  for (const [index, group] of [...left, ...zeros, ...right].entries()) {
    data.writeUInt16BE(Number.parseInt(group, 16), index * 2);
  }
  return { type: 'AAAA', data, ttl };
}

/** A name in the form of the wire. */
export function wireName(name: string): Buffer {
  const labels = name.split('.').filter(Boolean);
  const parts = labels.map((label) => Buffer.from([label.length, ...Buffer.from(label)]));
  return Buffer.concat([...parts, Buffer.of(0)]);
}

function readQuestion(query: Buffer): { name: string; type: string } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  const number = query.readUInt16BE(at + 1);
  const known = Object.entries(typeNumbers).find(([, value]) => value === number);
  return { name: labels.join('.').toLowerCase(), type: known?.[0] ?? String(number) };
}

function writeReply(query: Buffer, reply: DnsReply, transport: string): Buffer | undefined {
  if (reply === 'silence') return undefined;
  if ('raw' in reply) return Buffer.concat([query.subarray(0, 2), reply.raw]);
  const truncated = reply.truncate === true && transport === 'udp';
  const records = truncated ? [] : (reply.records ?? []);
  const header = Buffer.alloc(12);
  query.copy(header, 0, 0, 2);
  header.writeUInt16BE(0x8180 | (truncated ? 0x0200 : 0) | (reply.rcode ?? 0), 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(records.length, 6);
  const question = query.subarray(12, endOfQuestion(query));
  return Buffer.concat([header, question, ...records.map(writeRecord)]);
}

function writeRecord({ type, data, ttl = 60 }: DnsRecord): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(typeNumbers[type], 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(ttl, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function endOfQuestion(query: Buffer): number {
  let at = 12;
  while ((query[at] ?? 0) > 0) at += 1 + (query[at] ?? 0);
  return at + 5;
}
