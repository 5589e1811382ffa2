import type { Socket } from 'node:net';
import { type buildConnector, Client, type Dispatcher, errors } from 'undici';
import type { Request } from '../request.ts';
import { type Reads, watchReads } from './http1-reads.ts';
import { headerBytesMax, type Headers, type Reception } from './reception.ts';

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
  const broken = (error: Error): void =>
    reception.broken(clearer(error, reads.head(), socket.readableEnded));
  socket.prependListener('error', broken);
  const ownership = handOver(socket);
  const client = new Client(request.url.origin, {
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: headerBytesMax,
    connect: ownership.connect,
  });
  client.dispatch(
    {
      path: request.target,
      method: request.method,
      headers: request.headers,
      body: request.body ?? null,
    },
    createHandler({ reception, sent, reads, broken }),
  );
  return () => {
    void client.destroy(closing);
    // undici never asks for the connection of a request that it refuses.
    if (!ownership.isGiven()) socket.destroy();
  };
}

/** Gives undici the open socket, once; undici does not expect an answer before it has returned. */
function handOver(socket: Socket): { connect: buildConnector.connector; isGiven: () => boolean } {
  let given = false;
  return {
    connect: (_options, callback) => {
      const failure = given ? new Error('a run has one connection only') : null;
      given = true;
      queueMicrotask(() => {
        if (failure) callback(failure, null);
        else callback(null, socket);
      });
    },
    isGiven: () => given,
  };
}

function createHandler({
  reception,
  sent,
  reads,
  broken,
}: {
  reception: Reception;
  sent: () => void;
  reads: Reads;
  broken: (error: Error) => void;
}): Dispatcher.DispatchHandler {
  let newest: Buffer | undefined;
  return {
    onRequestStart: sent,
    onResponseStart: (_controller, status, headers) => {
      if (status < 200 && status !== 101) return;
      reads.passedHead();
      reception.head(status, headers satisfies Headers);
    },
    onResponseData: (controller, piece) => {
      newest = piece;
      reception.piece(piece, controller);
    },
    onResponseEnd: () => reception.end(reads.after(newest)),
    onResponseError: (_controller, error) => broken(error),
  };
}

/**
 * undici calls whatever is wrong with a head that has said its length a mismatch of lengths, and an end
 * within such a head, too.
 */
function clearer(error: NodeJS.ErrnoException, head: string | undefined, hasEnded: boolean): Error {
  if (head === undefined) return error;
  if (isSettingsFrame(head)) {
    return new errors.HTTPParserError(
      'asked in HTTP/1.1, the server answers in HTTP/2 without TLS: set version: 2',
    );
  }
  if (error.message === 'bad upgrade') {
    return new errors.HTTPParserError('the server switches protocols (101) without being asked to');
  }
  if (error.code !== 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') return error;
  if (hasEnded) return new Error('ended within the head', { cause: error });
  const lengths = head.matchAll(/^content-length:(.*)$/gim).map(([, text = '']) => text.trim());
  const given = [...lengths];
  if (/^transfer-encoding:/im.test(head) || new Set(given).size > 1) {
    return new errors.HTTPParserError('the answer announces two different lengths');
  }
  const what = given.length > 1 ? 'more than one Content-Length' : 'a malformed header';
  return new errors.HTTPParserError(`the answer has ${what}`);
}

/** What every answer in HTTP/2 begins with: the type SETTINGS and stream 0 (RFC 9113, 3.4 and 4.1). */
function isSettingsFrame(head: string): boolean {
  return head.startsWith('\0\0') && head[3] === '\u0004' && head.slice(5, 9) === '\0\0\0\0';
}
