import { createServer } from 'node:net';
import { createSecureContext } from 'node:tls';
import type { Clock } from '#lib/clock';
import { type Endpoint, openTcp, openTls } from '../net/connect.ts';
import { Failure } from '../net/failure.ts';
import { Trace } from '../net/trace.ts';
import { Download } from './download.ts';
import { exchange } from './exchange.ts';

const patienceMs = 1000;
let done: Promise<void> | undefined;

/**
 * Once in a process, fetches a page from itself over loopback: the parser is compiled and the code of
 * the whole path loaded before the first run, which would otherwise report some 40 ms that are not the
 * service's.
 */
export function warmUp(clock: Clock): Promise<void> {
  return (done ??= fetchFromItself(clock).catch(() => undefined));
}

async function fetchFromItself(clock: Clock): Promise<void> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwarm'));
  });
  const listening = Promise.withResolvers<void>();
  server.once('error', listening.reject).listen(0, '127.0.0.1', listening.resolve);
  await listening.promise;
  try {
    const address = server.address();
    if (address === null || typeof address === 'string') return;
    await fetchFrom({ address: '127.0.0.1', port: address.port }, clock);
    await shakeHandsWith({ address: '127.0.0.1', port: address.port }, clock);
  } finally {
    server.close();
  }
}

async function fetchFrom(endpoint: Endpoint, clock: Clock): Promise<void> {
  const signal = AbortSignal.timeout(patienceMs);
  const trace = new Trace(clock);
  const socket = await openTcp(endpoint, trace, signal);
  if (socket instanceof Failure) return;
  const url = new URL(`http://${endpoint.address}:${endpoint.port}/`);
  await exchange(
    socket,
    { url, method: 'GET', headers: { host: url.host }, body: undefined, target: '/' },
    {
      version: 1.1,
      trace,
      download: new Download({ bytesMax: 1024, textBytesMax: 0, checksum: false }, clock),
      limits: { headersMs: undefined, idleMs: undefined },
      sent: () => undefined,
    },
    signal,
  );
}

/** The other end does not speak TLS: it goes far enough to have everything loaded. */
async function shakeHandsWith(endpoint: Endpoint, clock: Clock): Promise<void> {
  const tls = { servername: '', context: createSecureContext({ ca: [] }), alpn: ['h2'] };
  await openTls({ ...endpoint, tls }, new Trace(clock), AbortSignal.timeout(patienceMs));
}
