import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type Endpoint, openTls } from './connect.ts';
import { Failure } from './failure.ts';
import type { TlsContexts, TlsSettings } from './tls-context.ts';
import type { Trace } from './trace.ts';

/** Whom to shake hands with, and who we are. */
export interface SecureRequest {
  readonly endpoint: Endpoint;
  /** The name to send (SNI) and to expect. */
  readonly servername: string;
  readonly alpn: readonly string[];
  /** What it means that the peer breaks off because it takes none of them. */
  readonly refused: Failure;
  readonly settings: Pick<TlsSettings, 'certificate' | 'verify'>;
  readonly contextFor: TlsContexts;
  /** Whether this peer may see the client certificate, where there is one. */
  readonly identifies: boolean;
  /** Opens what to shake hands over, where that is not a connection to the endpoint itself. */
  readonly openBelow?: () => Promise<Socket | Failure>;
}

/**
 * Opens a TLS connection that may be trusted: its certificate stands in the trace and has been verified,
 * unless the settings want neither. TLS shows a client certificate before anyone can judge whom it is
 * shown to; so there is a rehearsal without it before, on a connection of its own and outside the phases.
 */
export async function openSecure(
  request: SecureRequest,
  trace: Trace,
  signal: AbortSignal,
): Promise<TLSSocket | Failure> {
  const { identifies, settings } = request;
  if (identifies && settings.certificate !== undefined && settings.verify) {
    const refused = await rehearse({ ...request, identifies: false }, trace, signal);
    if (refused) return refused;
  }
  return open(request, trace, signal);
}

/** A server that breaks off because it misses our certificate has shown its own all the same. */
async function rehearse(
  request: SecureRequest,
  trace: Trace,
  signal: AbortSignal,
): Promise<Failure | undefined> {
  const socket = await open(request, trace, signal);
  if (!(socket instanceof Failure)) socket.on('error', () => undefined).destroy();
  else if (trace.tls === undefined || trace.tls.distrust || signal.aborted) return socket;
  trace.forget('connect', 'tls');
  return undefined;
}

async function open(
  request: SecureRequest,
  trace: Trace,
  signal: AbortSignal,
): Promise<TLSSocket | Failure> {
  const { endpoint, servername, alpn, refused, settings } = request;
  const context = request.contextFor(request.identifies);
  if (context instanceof Failure) return context;
  const over = await request.openBelow?.();
  if (over instanceof Failure) return over;
  const tls = { servername, context, alpn, refused };
  const socket = await openTls({ ...endpoint, tls, ...(over && { over }) }, trace, signal);
  const failure = settings.verify ? distrustOf(trace, servername, socket) : undefined;
  if (failure && !(socket instanceof Failure)) socket.on('error', () => undefined).destroy();
  return failure ?? socket;
}

/** A bad certificate comes before whatever became of the handshake after it. */
function distrustOf(
  { tls }: Trace,
  servername: string,
  socket: TLSSocket | Failure,
): Failure | undefined {
  if (tls) return tls.distrust;
  if (socket instanceof Failure) return socket;
  return Failure.down('tls_handshake', `${servername} showed no certificate`);
}
