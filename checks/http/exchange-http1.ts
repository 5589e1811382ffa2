import { type Socket } from 'node:net';
import { type buildConnector, Client, type Dispatcher } from 'undici';
import { type Headers, type HttpVersion, type Reception } from './reception.ts';
import { type Request } from './request.ts';

/** Larger headers than anyone needs; browsers take more, most servers send much less. */
const headerBytesMax = 64 * 1024;

/** Errors are dear, for they capture the stack: closing needs one, so there is one for all. */
const closing = new Error('the exchange is over');

/**
 * Sends one request by HTTP/1.1 over the open connection and feeds the answer to the reception; nothing
 * is ever sent twice. Returns how to close the connection.
 */
export function exchangeHttp1(
  socket: Socket,
  request: Request,
  { reception, sent }: { reception: Reception; sent: () => void },
): () => void {
  watchFirstByte(socket, reception);
  // Before undici's own listener, which takes a reset for the regular end of a body without length.
  socket.prependListener('error', (error) => reception.broken(error));
  const client = new Client(request.url.origin, {
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: headerBytesMax,
    connect: handOver(socket),
  });
  client.dispatch(
    {
      path: request.target,
      method: request.method,
      headers: request.headers,
      body: request.body ?? null,
    },
    createHandler(reception, sent),
  );
  return () => void client.destroy(closing);
}

/** Gives undici the open socket, once; undici does not expect an answer before it has returned. */
function handOver(socket: Socket): buildConnector.connector {
  let given = false;
  return (_options, callback) => {
    const failure = given ? new Error('a run has one connection only') : null;
    given = true;
    queueMicrotask(() => {
      if (failure) callback(failure, null);
      else callback(null, socket);
    });
  };
}

function createHandler(reception: Reception, sent: () => void): Dispatcher.DispatchHandler {
  return {
    onRequestStart: sent,
    onResponseStart: (_controller, status, headers) => {
      if (status >= 200 || status === 101) reception.head(status, headers satisfies Headers);
    },
    onResponseData: (_controller, piece) => reception.piece(piece),
    onResponseEnd: () => reception.end(),
    onResponseError: (_controller, error) => reception.broken(error),
  };
}

/** Looks at the first bytes and puts them back: undici tells neither when they came nor the version. */
function watchFirstByte(socket: Socket, reception: Reception): void {
  socket.once('readable', () => {
    const bytes: Buffer | null = socket.read();
    if (bytes === null) return;
    reception.begin(readVersion(bytes));
    socket.unshift(bytes);
  });
}

function readVersion(bytes: Buffer): HttpVersion {
  return bytes.toString('latin1', 0, 8) === 'HTTP/1.0' ? 1 : 1.1;
}
