import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { messageOf } from '#lib/error-message';
import { Failure } from '../net/failure.ts';
import type { Trace } from '../net/trace.ts';
import { versionRefused } from './connection.ts';
import type { Download } from './download.ts';
import { exchangeHttp1 } from './exchange/http1.ts';
import { exchangeHttp2 } from './exchange/http2.ts';
import { type Outcome, Reception, type ReceptionLimits } from './exchange/reception.ts';
import type { Request } from './request.ts';
import type { HttpSettings } from './settings.ts';

/** What an exchange needs besides the connection and the request. */
export interface ExchangeParts {
  readonly version: HttpSettings['version'];
  readonly trace: Trace;
  readonly download: Download;
  readonly limits: ReceptionLimits;
  /** To be called when the request is on its way: from here on there is only waiting. */
  readonly sent: () => void;
}

/** Sends one request, receives the answer to its end, and closes the connection. */
export async function exchange(
  socket: Socket,
  request: Request,
  parts: ExchangeParts,
  signal: AbortSignal,
): Promise<Outcome> {
  const speaksHttp2 = chooseHttp2(socket, parts.version);
  if (speaksHttp2 instanceof Failure) {
    socket.on('error', () => undefined).destroy();
    return { response: undefined, failure: speaksHttp2 };
  }
  const { response, failure } = await receive(socket, request, { ...parts, speaksHttp2 }, signal);
  const undecodable = await parts.download.finish(failure === undefined);
  return { response, failure: failure ?? undecodable };
}

async function receive(
  socket: Socket,
  request: Request,
  parts: ExchangeParts & { readonly speaksHttp2: boolean },
  signal: AbortSignal,
): Promise<Outcome> {
  parts.trace.enter('processing');
  const reception = new Reception(parts, signal);
  const send = parts.speaksHttp2 ? exchangeHttp2 : exchangeHttp1;
  let close = (): void => void socket.on('error', () => undefined).destroy();
  try {
    // HTTP/2 waits for ever on a connection that is gone already.
    if (socket.destroyed) reception.broken(new Error('the connection is gone'));
    else if (!signal.aborted) close = send(socket, request, { reception, sent: parts.sent });
  } catch (error) {
    const why = messageOf(error);
    reception.fail(Failure.unknown('agent_error', `the request cannot be sent: ${why}`));
  }
  const outcome = await reception.outcome;
  close();
  return outcome;
}

/** TLS agrees on the version; without TLS, HTTP/2 is spoken only where it is asked for (RFC 9113, 3.3). */
function chooseHttp2(socket: Socket, version: HttpSettings['version']): boolean | Failure {
  if (!(socket instanceof TLSSocket)) return version === 2;
  if (socket.alpnProtocol === 'h2') return true;
  if (version !== 2) return false;
  return versionRefused(version);
}
