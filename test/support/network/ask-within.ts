import { type ClientRequest, get, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import koffi from 'koffi';
import type { Host } from './network.ts';

const libc = koffi.load(null);
const openSocket = libc.func('int socket(int, int, int)');
const connectSocket = libc.func('int connect(int, void *, unsigned int)');
const closeSocket = libc.func('int close(int)');
const AF_INET = 2;
const SOCK_STREAM = 1;
const answersWithinMs = 20_000;

/** The text that answers GET, as seen from a host: an http URL with an IPv4 address. Rejects unless it is 2xx. */
export async function askWithin(
  host: Host,
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connectWithin(host, hostname, Number(port || '80'));
  const request: ClientRequest = get(url, {
    createConnection: () => socket,
    signal: AbortSignal.timeout(answersWithinMs),
    headers: { ...headers, connection: 'close' },
  });
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  const body = await text(answer);
  const { statusCode = 0 } = answer;
  if (statusCode < 200 || statusCode > 299) throw new Error(`${url}: ${statusCode} ${body}`);
  return body;
}

/** Node opens sockets later than it is told to; a namespace is only entered for the moment. */
function connectWithin(host: Host, address: string, port: number): Socket {
  using _there = host.enter();
  const fd: number = openSocket(AF_INET, SOCK_STREAM, 0);
  const to = Buffer.alloc(16);
  to.writeUInt16LE(AF_INET, 0);
  to.writeUInt16BE(port, 2);
  to.set(address.split('.').map(Number), 4);
  if (connectSocket(fd, to, to.length) !== 0) {
    const problem = new Error(`connect to ${address}:${port}: errno ${koffi.errno()}`);
    closeSocket(fd);
    throw problem;
  }
  return new Socket({ fd, readable: true, writable: true });
}
