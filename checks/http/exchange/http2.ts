import { connect, constants } from 'node:http2';
import type { Socket } from 'node:net';
import { Failure } from '../../net/failure.ts';
import type { Request } from '../request.ts';
import type { Headers, Reception } from './reception.ts';

/** Enough to keep a fast, distant server sending: the default of 64 KiB would be measured, not the server. */
const windowBytes = 4 * 1024 * 1024;

/** Headers of HTTP/1.1 that HTTP/2 forbids (RFC 9113, 8.2.2), and the one it has another name for. */
const notInHttp2 = new Set(['connection', 'host', 'transfer-encoding', 'upgrade', 'keep-alive']);

/** The same over HTTP/2: one stream on a session of its own. */
export function exchangeHttp2(
  socket: Socket,
  request: Request,
  { reception, sent }: { reception: Reception; sent: () => void },
): () => void {
  const { url } = request;
  const session = connect(url.origin, {
    createConnection: () => socket,
    settings: { enablePush: false, initialWindowSize: windowBytes },
  });
  // Without TLS, nobody has agreed to HTTP/2 before the server's first frame (RFC 9113, 3.4).
  let isAgreed = url.protocol === 'https:';
  const broken = (error: NodeJS.ErrnoException): void => {
    if (isAgreed) reception.broken(error);
    else reception.fail(unagreed(error));
  };
  session.once('remoteSettings', () => (isAgreed = true));
  session.once('connect', () => session.setLocalWindowSize(windowBytes));
  session.on('error', broken);
  session.once('goaway', (code) => {
    if (code !== constants.NGHTTP2_NO_ERROR) broken(new Error(`GOAWAY ${code}`));
  });
  session.once('close', () => broken(new Error('the session was closed')));
  const fields = Object.entries(request.headers).filter(([name]) => !notInHttp2.has(name));
  const stream = session.request({
    ':method': request.method,
    ':path': request.target,
    ':scheme': url.protocol.slice(0, -1),
    ':authority': request.headers['host'] ?? url.host,
    ...Object.fromEntries(fields),
  });
  stream
    .on('response', (headers) => {
      reception.begin(2);
      reception.head(headers[':status'] ?? 0, plain(headers));
    })
    .on('data', (piece: Buffer) => reception.piece(piece, stream))
    .once('end', () => {
      if (stream.rstCode === constants.NGHTTP2_NO_ERROR) reception.end();
    })
    .on('error', broken)
    .once('close', () => broken(new Error('the stream was closed')))
    .end(request.body);
  sent();
  return () => session.destroy();
}

/** The engine does not tell what came instead of HTTP/2, only that something did. */
function unagreed(error: NodeJS.ErrnoException): Failure {
  const remedy = 'one that speaks only HTTP/1.1 does this: set version: 1.1 or auto';
  if (error.code === 'ERR_HTTP2_ERROR') {
    return Failure.down(
      'http_version',
      `asked in HTTP/2 without TLS, the server answers in something else; ${remedy}`,
    );
  }
  const how = error.code === 'ECONNRESET' ? 'reset' : 'closed';
  return Failure.down(
    'http_no_response',
    `asked in HTTP/2 without TLS, the server ${how} the connection without an answer; ${remedy}`,
  );
}

/** Without the pseudo-headers. */
function plain(headers: Headers): Headers {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith(':')));
}
