import { createServer, type Server, type Socket } from 'node:net';
import type { CheckType } from '#checks/check';
import { http } from '#checks/http';
import type { ErrorType } from '#lib/error-type';
import type { RunOptions } from '../support/checks/run-check.ts';
import { serve } from '../support/servers/serve.ts';

/** One way for things to go wrong, and what a run must say of it. */
export interface Fault {
  readonly name: string;
  readonly error: ErrorType;
  /** What the message must tell besides. */
  readonly says?: RegExp;
  /** Sets it up with real sockets; it lasts until it is disposed. */
  readonly open: () => Promise<Trouble>;
}

/** The trouble, waiting for a check to run into it. */
export interface Trouble extends AsyncDisposable {
  readonly check: CheckType;
  readonly target: string;
  readonly settings?: object;
  readonly options?: RunOptions;
}

export type TroubleOptions = Partial<Pick<Trouble, 'check' | 'settings' | 'options'>> & {
  readonly path?: string;
};

/** An http check against a server that does `answer` to every connection once the request is there. */
export async function answering(
  answer: (socket: Socket, request: string) => void,
  options: TroubleOptions = {},
): Promise<Trouble> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (request) => answer(socket, request.toString('latin1')));
  });
  return httpTrouble(server, options);
}

/** An http check against any server. */
export async function httpTrouble(server: Server, options: TroubleOptions = {}): Promise<Trouble> {
  const serving = await serve(server);
  const { path = '', ...rest } = options;
  return {
    check: http,
    target: serving.url + path,
    ...rest,
    [Symbol.asyncDispose]: () => serving[Symbol.asyncDispose](),
  };
}

/** A response of these lines, then CRLF CRLF and the body. */
export function response(head: readonly string[], body: string | Buffer = ''): Buffer {
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), Buffer.from(body)]);
}

/** A good response with this body. */
export function ok(body: string | Buffer, ...headers: string[]): Buffer {
  const length = `Content-Length: ${Buffer.byteLength(body)}`;
  return response(['HTTP/1.1 200 OK', length, ...headers], body);
}

/** A deadline that runs out soon, yet leaves a loaded machine the time to get where the fault is. */
export const soon: RunOptions = { timeoutMs: 2000 };
