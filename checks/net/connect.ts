import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type SecureContext, type TLSSocket } from 'node:tls';
import type { DownError } from '#lib/error-type';
import { examinePeer } from './certificate.ts';
import { Failure } from './failure.ts';
import type { Trace } from './trace.ts';

/** A literal address: nothing is left to look up or to choose between. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** How to shake hands once connected. */
export interface TlsRequest {
  /** The name sent (SNI), unless it is an address. */
  readonly servername: string;
  readonly context: SecureContext;
  /** Protocols offered (ALPN), in order of preference; none when empty. */
  readonly alpn: readonly string[];
  /** What it means that the server breaks off because it takes none of them (RFC 7301, 3.2). */
  readonly refused?: Failure;
}

/** Opens one TCP connection to the endpoint: one attempt, never another address. */
export async function openTcp(
  endpoint: Endpoint,
  trace: Trace,
  signal: AbortSignal,
): Promise<Socket | Failure> {
  trace.enter('connect');
  const socket = connectTcp({ host: endpoint.address, port: endpoint.port, noDelay: true });
  const failure = await opened({ socket, event: 'connect', endpoint }, trace, signal);
  return failure ? discard(socket, failure) : socket;
}

/**
 * Opens one TLS connection, with any certificate: what it is, and whether it can be believed, stands in
 * the trace, for the caller to act on before it sends anything.
 */
export async function openTls(
  endpoint: Endpoint & { readonly tls: TlsRequest; readonly over?: Socket },
  trace: Trace,
  signal: AbortSignal,
): Promise<TLSSocket | Failure> {
  const { address, port, tls, over } = endpoint;
  trace.enter(over ? 'tls' : 'connect');
  const socket = connectTls({
    ...(over ? { socket: over } : { host: address, port }),
    secureContext: tls.context,
    ALPNProtocols: [...tls.alpn],
    ...(isName(tls.servername) && { servername: tls.servername }),
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
  });
  socket.setNoDelay(true);
  // Node would turn the whole chain into objects for checkServerIdentity: 100 µs for nothing.
  Object.defineProperty(socket, 'getPeerCertificate', { value: () => ({}) });
  if (!over) socket.once('connect', () => trace.enter('tls'));
  const opening = { socket, event: 'secureConnect', endpoint, refused: tls.refused } as const;
  const failure = await opened(opening, trace, signal);
  trace.tls = examinePeer(socket, tls.servername, trace.clock.unixMs());
  return failure ? discard(socket, failure) : socket;
}

interface Opening {
  readonly socket: Socket;
  readonly event: 'connect' | 'secureConnect';
  readonly endpoint: Endpoint;
  readonly refused?: Failure | undefined;
}

/** Waits for the event, or for the reason why it does not come. */
async function opened(
  { socket, event, endpoint, refused }: Opening,
  trace: Trace,
  signal: AbortSignal,
): Promise<Failure | undefined> {
  const where = `${endpoint.address} port ${endpoint.port}`;
  const { promise, resolve } = Promise.withResolvers<Failure | undefined>();
  let onTheWire = false;
  const first = setImmediate(() => (onTheWire = true));
  const succeed = (): void => {
    trace.stop();
    resolve(undefined);
  };
  const fail = (error: NodeJS.ErrnoException): void =>
    resolve(openFailure(error, { where, onTheWire, inTls: trace.current === 'tls', refused }));
  const close = (): void =>
    resolve(Failure.down('connect_reset', `${where} closed the connection at once`));
  const abort = (): void => {
    const what = trace.current === 'tls' ? 'shaking hands (TLS) with' : 'connecting to';
    resolve(Failure.aborted(signal, trace.current ?? 'connect', `still ${what} ${where}`));
  };
  socket.once(event, succeed).once('error', fail).once('close', close);
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  const failure = await promise;
  clearImmediate(first);
  signal.removeEventListener('abort', abort);
  socket.off(event, succeed).off('error', fail).off('close', close);
  return failure;
}

function discard(socket: Socket, failure: Failure): Failure {
  socket.on('error', () => undefined).destroy();
  return failure;
}

const connectErrors: Readonly<Record<string, readonly [DownError, string]>> = {
  ECONNREFUSED: ['connect_refused', 'refused the connection'],
  ECONNRESET: ['connect_reset', 'reset the connection'],
  EPIPE: ['connect_reset', 'closed the connection'],
  ETIMEDOUT: ['connect_timeout', 'did not answer in time'],
  EHOSTUNREACH: ['host_unreachable', 'cannot be reached: a router says its host is unreachable'],
  EHOSTDOWN: ['host_unreachable', 'cannot be reached: its host is down'],
  ENETUNREACH: ['net_unreachable', 'cannot be reached: a router says its network is unreachable'],
};

const unrouted = new Set(['ENETUNREACH', 'EHOSTUNREACH', 'EADDRNOTAVAIL']);

interface OpenContext {
  readonly where: string;
  /** False while nothing can have left this host yet: the error is the kernel's own. */
  readonly onTheWire: boolean;
  readonly inTls: boolean;
  readonly refused: Failure | undefined;
}

function openFailure(error: NodeJS.ErrnoException, context: OpenContext): Failure {
  const { where, onTheWire, inTls, refused } = context;
  const code = error.code ?? '';
  if (refused && /NO_APPLICATION_PROTOCOL/.test(code)) return refused;
  if (inTls) return handshakeFailure(error, where);
  if (!onTheWire && unrouted.has(code)) {
    return Failure.unknown('agent_no_network', `this host has no route to ${where} (${code})`);
  }
  const known = connectErrors[code];
  if (known) return Failure.down(known[0], `${where} ${known[1]} (${code})`);
  return Failure.unknown('agent_error', `cannot open a connection to ${where}: ${error.message}`);
}

/** What an error of the TLS library or a lost connection during the handshake means. */
export function handshakeFailure(error: NodeJS.ErrnoException, where: string): Failure {
  const code = error.code ?? '';
  if (/PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL/.test(code)) {
    return Failure.down(
      'tls_protocol',
      `${where} speaks no version of TLS that is allowed (${code})`,
    );
  }
  if (code === 'ECONNRESET' || code === 'EPIPE') {
    return Failure.down('tls_handshake', `${where} ended the connection during the TLS handshake`);
  }
  return Failure.down('tls_handshake', `the TLS handshake with ${where} failed: ${reason(error)}`);
}

/** OpenSSL's own words, without the C file names that Node puts around them. */
function reason(error: NodeJS.ErrnoException & { reason?: unknown }): string {
  const words = typeof error.reason === 'string' ? error.reason : error.message;
  return error.code ? `${words} (${error.code})` : words;
}

/** RFC 6066, 3: addresses are not sent as server name. */
function isName(host: string): boolean {
  return host !== '' && !/^[\d.]+$|:/.test(host);
}
