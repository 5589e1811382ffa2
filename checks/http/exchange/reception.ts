import { handshakeFailure } from '../../net/connect.ts';
import { Failure } from '../../net/failure.ts';
import type { Trace } from '../../net/trace.ts';
import type { Download } from '../download.ts';

/** Headers by lower-case name; an array where one came several times. */
export type Headers = Readonly<Record<string, string | string[] | undefined>>;

export type HttpVersion = 1 | 1.1 | 2;

/** The head of an answer; its body has gone through a Download. */
export interface Response {
  readonly status: number;
  readonly headers: Headers;
  readonly version: HttpVersion;
}

/** What came of an exchange: a response, a failure, or a response that failed half-way. */
export interface Outcome {
  readonly response: Response | undefined;
  readonly failure: Failure | undefined;
}

/** What pieces of a body come from. */
export interface Source {
  pause(): unknown;
  resume(): unknown;
}

/** Deadlines within a run. */
export interface ReceptionLimits {
  readonly headersMs: number | undefined;
  readonly idleMs: number | undefined;
}

/** Larger headers than anyone needs; browsers take more, most servers send much less. */
export const headerBytesMax = 64 * 1024;

/** Given to every wait that is over: without a reason, each abort makes an exception with its stack. */
const noLonger = new Error('no longer awaited');

/**
 * Receives one answer, whichever protocol brings it: keeps the phases, watches the deadlines of headers
 * and body, and settles exactly once. What happens after that changes nothing.
 */
export class Reception {
  readonly #trace: Trace;
  readonly #download: Download;
  readonly #limits: ReceptionLimits;
  readonly #signal: AbortSignal;
  readonly #settled = Promise.withResolvers<Outcome>();
  #headersWatch: AbortController | undefined;
  #bodyWatch: AbortController | undefined;
  #isOver = false;
  #hasBegun = false;
  #version: HttpVersion = 1.1;
  #response: Response | undefined;

  constructor(
    parts: { trace: Trace; download: Download; limits: ReceptionLimits },
    signal: AbortSignal,
  ) {
    this.#trace = parts.trace;
    this.#download = parts.download;
    this.#limits = parts.limits;
    this.#signal = signal;
    signal.addEventListener('abort', this.#abort, { once: true });
    if (signal.aborted) this.#abort();
    else this.#watchHeaders();
  }

  get outcome(): Promise<Outcome> {
    return this.#settled.promise;
  }

  /** The first byte of the answer is there. */
  begin(version: HttpVersion): void {
    if (this.#isOver) return;
    this.#hasBegun = true;
    this.#version = version;
    this.#trace.reach('transfer');
  }

  /** The head of the answer is there. */
  head(status: number, headers: Headers): void {
    if (this.#isOver) return;
    this.#headersWatch?.abort(noLonger);
    this.#response = { status, headers, version: this.#version };
    this.#download.begin(String(headers['content-encoding'] ?? ''));
    this.#watchBody();
  }

  /** Takes a piece of the body from where it comes; more of it has to wait while this one is too much. */
  piece(piece: Buffer, source: Source): void {
    if (this.#isOver) return;
    const failure = this.#download.push(piece);
    if (failure) this.fail(failure);
    const { caughtUp } = this.#download;
    if (failure || caughtUp === undefined) return;
    source.pause();
    void caughtUp.then(() => source.resume());
  }

  /** The body is complete; `excess` bytes came behind it. */
  end(excess = 0): void {
    const announced = Number(this.#response?.headers['content-length']);
    // What follows an answer that has no body says nothing of a body.
    const isCut = excess > 0 && announced === this.#download.received;
    this.#settle(isCut ? excessFailure(announced) : undefined);
  }

  fail(failure: Failure): void {
    this.#settle(failure);
  }

  /** The connection broke: what that means depends on how far we were. */
  broken(error: NodeJS.ErrnoException): void {
    if (this.#isOver) return;
    this.fail(this.#response ? this.#bodyFailure(error) : headFailure(error, this.#hasBegun));
  }

  #settle(failure: Failure | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#trace.stop();
    this.#signal.removeEventListener('abort', this.#abort);
    this.#headersWatch?.abort(noLonger);
    this.#bodyWatch?.abort(noLonger);
    this.#settled.resolve({ response: this.#response, failure });
  }

  readonly #abort = (): void => {
    this.fail(
      this.#response
        ? Failure.aborted(this.#signal, 'transfer', this.#progress())
        : Failure.aborted(this.#signal, 'processing', 'the headers of the answer had not come'),
    );
  };

  #watchHeaders(): void {
    const { headersMs } = this.#limits;
    if (headersMs === undefined) return;
    this.#headersWatch = new AbortController();
    this.#trace.clock.sleep(headersMs, this.#headersWatch.signal).then(
      () => this.fail(Failure.down('header_timeout', `no complete headers within ${headersMs} ms`)),
      () => undefined,
    );
  }

  #watchBody(): void {
    const { idleMs } = this.#limits;
    if (idleMs === undefined) return;
    const leftMs = idleMs - this.#download.idleMs;
    if (leftMs <= 0) {
      this.fail(Failure.down('body_stall', `nothing came for ${idleMs} ms; ${this.#progress()}`));
      return;
    }
    this.#bodyWatch ??= new AbortController();
    this.#trace.clock.sleep(leftMs, this.#bodyWatch.signal).then(
      () => this.#watchBody(),
      () => undefined,
    );
  }

  #bodyFailure(error: NodeJS.ErrnoException): Failure {
    if (isMalformed(error)) {
      return Failure.down('http_protocol', `${error.message}; ${this.#progress()}`);
    }
    // HTTP/2 refuses a body of another length than announced, be it shorter or longer (RFC 9113, 8.1.1).
    const how = error.code === 'ERR_HTTP2_ERROR' ? 'was refused' : 'ended early';
    return Failure.down('body_truncated', `the body ${how}: ${this.#progress()}`);
  }

  #progress(): string {
    const announced = this.#response?.headers['content-length'];
    const of = announced === undefined ? '' : ` of ${String(announced)}`;
    return `${this.#download.received}${of} bytes of the body had come`;
  }
}

/** Whoever goes by the length sees a part of what was sent. */
function excessFailure(announced: number): Failure {
  return Failure.down(
    'http_protocol',
    `the answer goes on behind the ${announced} bytes its Content-Length announces`,
  );
}

/** What undici itself does not send: nothing of it is the server's doing. */
const refusals = new Set([
  'UND_ERR_INVALID_ARG',
  'UND_ERR_NOT_SUPPORTED',
  'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH',
]);

function headFailure(error: NodeJS.ErrnoException, hasBegun: boolean): Failure {
  const code = error.code ?? '';
  if (refusals.has(code)) {
    return Failure.unknown('agent_error', `the request cannot be sent: ${error.message}`);
  }
  if (code.startsWith('ERR_SSL_')) return handshakeFailure(error, 'the server');
  if (code === 'UND_ERR_HEADERS_OVERFLOW' || code === 'HPE_HEADER_OVERFLOW') {
    const most = `${headerBytesMax} bytes`;
    return Failure.down('header_too_large', `the headers of the answer are larger than ${most}`);
  }
  if (isMalformed(error)) return Failure.down('http_protocol', error.message);
  if (code.startsWith('ERR_HTTP2_')) {
    return Failure.down('http_protocol', `HTTP/2 failed: ${error.message} (${code})`);
  }
  const how = code === 'ECONNRESET' ? 'reset' : 'closed';
  const where = hasBegun ? 'before its headers were complete' : 'without an answer';
  return Failure.down('http_no_response', `the server ${how} the connection ${where}`);
}

/** The parser's complaint about what came; that it ended too early is not one. */
function isMalformed(error: Error): boolean {
  return error.name === 'HTTPParserError' && !/EOF/.test(error.message);
}
