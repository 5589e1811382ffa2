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
  const reads = watchReads(socket, reception);
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
    createHandler({ reception, sent, reads }),
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

function createHandler({
  reception,
  sent,
  reads,
}: {
  reception: Reception;
  sent: () => void;
  reads: Reads;
}): Dispatcher.DispatchHandler {
  let newest: Buffer | undefined;
  return {
    onRequestStart: sent,
    onResponseStart: (_controller, status, headers) => {
      if (status >= 200 || status === 101) reception.head(status, headers satisfies Headers);
    },
    onResponseData: (controller, piece) => {
      newest = piece;
      reception.piece(piece, controller);
    },
    onResponseEnd: () => reception.end(reads.after(newest)),
    onResponseError: (_controller, error) => reception.broken(error),
  };
}

/** What the parser has read from the socket. */
interface Reads {
  /** How many bytes came along after the piece of the body that was the last, or after its head. */
  after(piece: Buffer | undefined): number;
}

/** Looks on as undici reads: it tells neither when the first bytes came, nor their version, nor what follows the end. */
function watchReads(socket: Socket, reception: Reception): Reads {
  const read = socket.read.bind(socket);
  let newest: Buffer | undefined;
  socket.read = (size) => {
    const bytes: Buffer | null = read(size);
    if (bytes === null) return bytes;
    if (newest === undefined) reception.begin(readVersion(bytes));
    newest = bytes;
    return bytes;
  };
  return {
    after(piece) {
      const end = newest && (piece ? endWithin(newest, piece) : endOfHead(newest));
      if (newest === undefined || end === undefined) return 0;
      // RFC 9112, 2.2: empty lines before a next message are to be ignored.
      return newest.toString('latin1', end).trimStart().length;
    },
  };
}

/** The pieces that undici gives are views of what it has read. */
function endWithin(bytes: Buffer, piece: Buffer): number | undefined {
  if (piece.buffer !== bytes.buffer) return undefined;
  return piece.byteOffset + piece.length - bytes.byteOffset;
}

function endOfHead(bytes: Buffer): number | undefined {
  const blankLine = bytes.indexOf('\r\n\r\n');
  return blankLine < 0 ? undefined : blankLine + 4;
}

function readVersion(bytes: Buffer): HttpVersion {
  return bytes.toString('latin1', 0, 8) === 'HTTP/1.0' ? 1 : 1.1;
}
