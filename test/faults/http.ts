import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { answering, type Fault, httpTrouble, ok, response, soon, type Trouble } from './fault.ts';

const found = (location: string): Buffer =>
  response(['HTTP/1.1 302 Found', `Location: ${location}`, 'Content-Length: 0']);

export const httpFaults: readonly Fault[] = [
  {
    name: 'HTTP: a status that is not expected',
    error: 'http_status',
    says: /503/,
    open: () =>
      answering((socket) => socket.end(response(['HTTP/1.1 503 Sorry', 'Content-Length: 0']))),
  },
  {
    name: 'HTTP: a malformed status line',
    error: 'http_protocol',
    open: () => answering((socket) => socket.end('HTTP/1.1 abc\r\n\r\n')),
  },
  {
    name: 'HTTP: something else altogether',
    error: 'http_protocol',
    open: () => answering((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n')),
  },
  {
    name: 'HTTP: two different lengths',
    error: 'http_protocol',
    says: /two different lengths/,
    open: () =>
      answering((socket) =>
        socket.end(response(['HTTP/1.1 200 OK', 'Content-Length: 4', 'Content-Length: 5'], 'fine')),
      ),
  },
  {
    name: 'HTTP: the same length twice',
    error: 'http_protocol',
    says: /more than one Content-Length/,
    open: () =>
      answering((socket) =>
        socket.end(response(['HTTP/1.1 200 OK', 'Content-Length: 4', 'Content-Length: 4'], 'fine')),
      ),
  },
  {
    name: 'HTTP: a malformed header behind the length',
    error: 'http_protocol',
    says: /malformed header/,
    open: () =>
      answering((socket) =>
        socket.end(response(['HTTP/1.1 200 OK', 'Content-Length: 4', 'Bad Header: 1'], 'fine')),
      ),
  },
  {
    name: 'HTTP: another protocol, unasked',
    error: 'http_protocol',
    says: /switches protocols \(101\)/,
    open: () =>
      answering((socket) =>
        socket.write(
          response(['HTTP/1.1 101 Switching', 'Connection: Upgrade', 'Upgrade: websocket']),
        ),
      ),
  },
  {
    name: 'HTTP: closed after 100 (Continue)',
    error: 'http_no_response',
    says: /before its headers were complete/,
    open: () => answering((socket) => socket.end('HTTP/1.1 100 Continue\r\n\r\n')),
  },
  {
    name: 'HTTP: closed within the headers, behind the length',
    error: 'http_no_response',
    says: /before its headers were complete/,
    open: () => answering((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX: ')),
  },
  {
    name: 'HTTP: closed without an answer',
    error: 'http_no_response',
    says: /without an answer/,
    open: () => answering((socket) => socket.end()),
  },
  {
    name: 'HTTP: reset without an answer',
    error: 'http_no_response',
    says: /reset/,
    open: () => answering((socket) => void socket.resetAndDestroy()),
  },
  {
    name: 'HTTP: reset within the headers',
    error: 'http_no_response',
    open: () =>
      answering((socket) => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Le', () => socket.resetAndDestroy());
      }),
  },
  {
    name: 'HTTP: closed within the headers',
    error: 'http_no_response',
    open: () => answering((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Le')),
  },
  {
    name: 'HTTP: no answer',
    error: 'header_timeout',
    open: () => answering(() => undefined, { options: soon }),
  },
  {
    name: 'HTTP: headers later than their own deadline',
    error: 'header_timeout',
    says: /within 1000 ms/,
    open: () => answering(() => undefined, { settings: { timeout: { headers: '1s' } } }),
  },
  {
    name: 'HTTP: headers one byte at a time, without end',
    error: 'header_timeout',
    open: () =>
      answering((socket) => trickle(socket, 'HTTP/1.1 200 OK\r\nX: '.padEnd(1000, 'x')), {
        options: soon,
      }),
  },
  {
    name: 'HTTP: headers too large',
    error: 'header_too_large',
    says: /65536 bytes/,
    open: () => answering((socket) => socket.end(ok('fine', `X-Large: ${'x'.repeat(100_000)}`))),
  },
  {
    name: 'HTTP: a header that is missing',
    error: 'http_header',
    open: () =>
      answering((socket) => socket.end(ok('fine')), {
        settings: { expect: { headers: { etag: { present: true } } } },
      }),
  },
  {
    name: 'HTTP: a header that does not match',
    error: 'http_header',
    open: () =>
      answering((socket) => socket.end(ok('fine', 'Content-Type: text/plain')), {
        settings: { expect: { headers: { 'Content-Type': { matches: '^text/html' } } } },
      }),
  },
  {
    name: 'HTTP: a redirect to itself',
    error: 'redirect_loop',
    open: () => answering((socket) => socket.end(found('/'))),
  },
  {
    name: 'HTTP: redirects without end',
    error: 'redirect_limit',
    open: () => {
      let count = 0;
      return answering((socket) => socket.end(found(`/${(count += 1)}`)));
    },
  },
  {
    name: 'HTTP: a redirect to nowhere',
    error: 'redirect_invalid',
    open: () => answering((socket) => socket.end(found('ftp://elsewhere.test/'))),
  },
  {
    name: 'HTTP: a redirect that would give a body to another origin',
    error: 'redirect_invalid',
    open: () =>
      answering(
        (socket) =>
          socket.end(
            response([
              'HTTP/1.1 307 Temporary Redirect',
              'Location: http://elsewhere.test/',
              'Content-Length: 0',
            ]),
          ),
        { settings: { method: 'POST', body: 'secret' } },
      ),
  },
  {
    name: 'HTTP: an answer by a version that is not expected',
    error: 'http_version',
    open: () =>
      answering((socket) => socket.end('HTTP/1.0 200 OK\r\n\r\nfine'), {
        settings: { expect: { version: [1.1, 2] } },
      }),
  },
  {
    name: 'HTTP/2: the stream is reset before the headers',
    error: 'http_protocol',
    open: () => http2Trouble((stream) => stream.close(2)),
  },
  {
    name: 'HTTP/2: the connection ends before the headers',
    error: 'http_no_response',
    open: () => http2Trouble((stream) => stream.session?.socket.destroy()),
  },
  {
    name: 'HTTP/2: no answer',
    error: 'header_timeout',
    open: () => http2Trouble(() => undefined, soon),
  },
  {
    name: 'HTTP/2: the stream is reset within the body',
    error: 'body_truncated',
    open: () =>
      http2Trouble((stream) => {
        stream.respond({ ':status': 200 });
        stream.write('a part', () => stream.destroy(new Error('reset')));
      }),
  },
  {
    name: 'HTTP/2: a body longer than its announced length, which the protocol refuses',
    error: 'body_truncated',
    says: /was refused: 0 of 4 bytes/,
    open: () =>
      http2Trouble((stream) => {
        stream.respond({ ':status': 200, 'content-length': 4 });
        stream.end('fine, and more');
      }),
  },
  {
    name: 'HTTP/2: a body shorter than its announced length',
    error: 'body_truncated',
    says: /4 of 10 bytes/,
    open: () =>
      http2Trouble((stream) => {
        stream.respond({ ':status': 200, 'content-length': 10 });
        stream.end('fine');
      }),
  },
  {
    name: 'HTTP/2: the connection ends within the body',
    error: 'body_truncated',
    open: () =>
      http2Trouble((stream) => {
        stream.respond({ ':status': 200 });
        stream.write('a part', () => setTimeout(() => stream.session?.socket.destroy(), 30));
      }),
  },
  {
    name: 'HTTP/2: asked of a server that closes on all but HTTP/1.1',
    error: 'http_no_response',
    says: /asked in HTTP\/2 without TLS, the server closed .*set version: 1\.1 or auto/,
    open: () => answering((socket) => socket.end(), { settings: { version: 2 } }),
  },
  {
    name: 'HTTP/1.1: asked of a server that only speaks HTTP/2',
    error: 'http_protocol',
    says: /answers in HTTP\/2 without TLS: set version: 2/,
    open: () => answering((socket) => socket.end(Buffer.from('000000040000000000', 'hex'))),
  },
  {
    name: 'HTTP/2: asked of a server that only speaks HTTP/1.1',
    error: 'http_version',
    says: /asked in HTTP\/2 without TLS, the server answers in something else; .* set version: 1\.1 or auto/,
    open: () =>
      answering((socket) => socket.end(response(['HTTP/1.1 400 Bad Request'])), {
        settings: { version: 2 },
      }),
  },
];

/** Sends a text slowly enough that it never ends in time. */
function trickle(socket: Socket, text: string): void {
  let at = 0;
  const timer = setInterval(() => socket.write(text.slice(at, (at += 1))), 5);
  socket.once('close', () => clearInterval(timer));
}

async function http2Trouble(
  answer: (stream: ServerHttp2Stream) => void,
  options = {},
): Promise<Trouble> {
  const server = createHttp2Server();
  server.on('stream', (stream) => {
    stream.on('error', () => undefined);
    answer(stream);
  });
  return httpTrouble(server, { settings: { version: 2 }, options });
}
