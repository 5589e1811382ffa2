import { type Socket } from 'node:net';
import { type buildConnector, Client, type Dispatcher } from 'undici';
import { Failure } from '../net/failure.ts';
import { handshakeFailure } from '../net/connect.ts';
import { type Trace } from '../net/trace.ts';

/** One request, as it goes out. */
export interface Request {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** One answer, its body already gone by. */
export interface Response {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Bytes of the body as they came. */
  readonly bodyBytes: number;
}

/** What the exchange reports while it is under way. */
export interface ExchangeHooks {
  readonly trace: Trace;
  /** The request is out: from here on there is only waiting. */
  waiting(): void;
}

/**
 * Sends one request over the open connection and reads the answer to its end. The connection is used
 * up, whatever comes of it; nothing is ever sent twice.
 */
export async function exchange(
  socket: Socket,
  request: Request,
  hooks: ExchangeHooks,
  signal: AbortSignal,
): Promise<Response | Failure> {
  const handler = new Handler(socket, hooks, signal);
  const client = new Client(request.url.origin, {
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: handOver(socket),
  });
  const abort = (): void => handler.end(handler.abortFailure());
  signal.addEventListener('abort', abort, { once: true });
  hooks.trace.enter('processing');
  client.dispatch(
    {
      path: request.url.pathname + request.url.search,
      method: request.method,
      headers: { host: request.url.host, ...request.headers },
      reset: true,
    },
    handler,
  );
  hooks.waiting();
  if (signal.aborted) abort();
  const result = await handler.result;
  signal.removeEventListener('abort', abort);
  socket.on('error', () => undefined).destroy();
  return result;
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

/** Follows one answer as undici reads it. */
class Handler implements Dispatcher.DispatchHandler {
  readonly #socket: Socket;
  readonly #trace: Trace;
  readonly #signal: AbortSignal;
  readonly #outcome = Promise.withResolvers<Response | Failure>();
  #status = 0;
  #headers: Response['headers'] = {};
  #bodyBytes = 0;

  constructor(socket: Socket, hooks: ExchangeHooks, signal: AbortSignal) {
    this.#socket = socket;
    this.#trace = hooks.trace;
    this.#signal = signal;
    // Before undici's own listener, which takes a reset for the regular end of a body without length.
    socket.prependListener('error', (error) => this.end(this.#failure(error)));
  }

  get result(): Promise<Response | Failure> {
    return this.#outcome.promise;
  }

  /** Settles the exchange; the first to come counts. */
  end(result: Response | Failure): void {
    this.#trace.stop();
    this.#outcome.resolve(result);
  }

  abortFailure(): Failure {
    const phase = this.#status === 0 ? 'processing' : 'transfer';
    const what = this.#status === 0 ? 'the headers had not come' : this.#progress();
    return Failure.aborted(this.#signal, phase, what);
  }

  onRequestStart(): void {}

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Response['headers'],
  ): void {
    if (status < 200) return;
    this.#trace.enter('transfer');
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bodyBytes += chunk.length;
  }

  onResponseEnd(): void {
    this.end({ status: this.#status, headers: this.#headers, bodyBytes: this.#bodyBytes });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.end(this.#failure(error));
  }

  #failure(error: NodeJS.ErrnoException): Failure {
    const code = error.code ?? '';
    if (code.startsWith('ERR_SSL_')) return handshakeFailure(error, 'the server');
    if (this.#status !== 0) {
      if (code.startsWith('HPE_') && code !== 'HPE_INVALID_EOF_STATE') {
        return Failure.down(
          'http_protocol',
          `the body is malformed (${code}); ${this.#progress()}`,
        );
      }
      return Failure.down('body_truncated', `the connection ended early: ${this.#progress()}`);
    }
    if (code === 'UND_ERR_HEADERS_OVERFLOW' || code === 'HPE_HEADER_OVERFLOW') {
      return Failure.down('header_too_large', 'the headers of the answer are larger than 16 KiB');
    }
    if (code.startsWith('HPE_')) {
      return Failure.down('http_protocol', `the answer is not HTTP: ${error.message} (${code})`);
    }
    const received = this.#socket.bytesRead > 0 ? 'within the headers' : 'without an answer';
    return Failure.down('http_no_response', `the server ended the connection ${received}`);
  }

  #progress(): string {
    const announced = this.#headers['content-length'];
    return `${this.#bodyBytes}${announced === undefined ? '' : ` of ${String(announced)}`} bytes of the body had come`;
  }
}
