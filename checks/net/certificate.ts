import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { judgePeer, nameOf } from './distrust.ts';
import type { Failure } from './failure.ts';

/** What a handshake told, good or bad. */
export interface TlsFacts {
  /** For example `TLSv1.3`. */
  readonly version: string;
  readonly cipher: string;
  /** The protocol agreed on (ALPN), or empty. */
  readonly alpn: string;
  readonly subject: string;
  readonly issuer: string;
  /** Names the certificate is for, as `DNS:a.example, IP Address:192.0.2.1`. */
  readonly names: string;
  /** SHA-256 of the certificate, in hexadecimal without colons. */
  readonly fingerprint: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** The earliest end of validity among the certificates that were sent. */
  readonly earliestNotAfterMs: number;
  /** Whose certificate that is. */
  readonly earliestSubject: string;
  /** How many certificates were sent. */
  readonly chainLength: number;
  /** Whether a trusted root stands behind them. */
  readonly trusted: boolean;
  /** Why the peer must not be believed, if that is so. */
  readonly distrust: Failure | undefined;
}

/**
 * Reads and judges the certificate of a connection that was opened without judgement. Also of a handshake
 * that failed, if only after the certificate; undefined when there is none. Call it once a connection:
 * Node hands out the chain a single time and then forgets it.
 */
export function examinePeer(socket: TLSSocket, host: string, unixMs: number): TlsFacts | undefined {
  const chain = readChain(socket);
  const [leaf] = chain;
  if (leaf === undefined) return undefined;
  const code = chainError(socket);
  return {
    ...readFacts(socket, leaf, chain),
    trusted: code === undefined,
    distrust: judgePeer({ host, leaf, chain, code, unixMs }),
  };
}

/** The TLS library's code for what is wrong with the chain; undefined when it is trusted. */
function chainError(socket: TLSSocket): string | undefined {
  if (socket.authorized) return undefined;
  const { authorizationError: error, _handle } = socket as UnfinishedSocket;
  if (error !== undefined && error !== null) return String(error);
  // Node asks the library for its judgement only once the handshake is complete.
  return _handle?.verifyError?.()?.code;
}

interface UnfinishedSocket {
  readonly authorizationError: Error | string | null | undefined;
  readonly _handle?: { verifyError?: () => { readonly code?: string } | null | undefined } | null;
}

function readFacts(
  socket: TLSSocket,
  leaf: X509Certificate,
  chain: readonly X509Certificate[],
): Omit<TlsFacts, 'trusted' | 'distrust'> {
  const earliest = chain.reduce((a, b) => (b.validToDate < a.validToDate ? b : a), leaf);
  return {
    version: socket.getProtocol() ?? '',
    cipher: socket.getCipher().standardName,
    alpn: socket.alpnProtocol === false ? '' : (socket.alpnProtocol ?? ''),
    subject: nameOf(leaf.subject),
    issuer: nameOf(leaf.issuer),
    names: leaf.subjectAltName ?? '',
    fingerprint: leaf.fingerprint256.replaceAll(':', '').toLowerCase(),
    notBeforeMs: leaf.validFromDate.getTime(),
    notAfterMs: leaf.validToDate.getTime(),
    earliestNotAfterMs: earliest.validToDate.getTime(),
    earliestSubject: nameOf(earliest.subject),
    chainLength: chain.length,
  };
}

function readChain(socket: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = [];
  let certificate = socket.getPeerX509Certificate();
  while (certificate !== undefined && chain.length < 16) {
    chain.push(certificate);
    certificate = certificate.issuerCertificate;
  }
  return chain;
}
