import { type X509Certificate } from 'node:crypto';
import { checkServerIdentity, type TLSSocket } from 'node:tls';
import { type DownError } from '#lib/error-type';
import { Failure } from './failure.ts';

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
  /** The earliest end of validity of leaf and intermediates; a root at the end does not count. */
  readonly earliestNotAfterMs: number;
  /** The latest one of the chain, root included. */
  readonly latestNotAfterMs: number;
  readonly chainLength: number;
}

/** Reads the facts of an open TLS connection; undefined when the peer showed no certificate. */
export function readTlsFacts(socket: TLSSocket): TlsFacts | undefined {
  const chain = readChain(socket);
  const leaf = chain[0];
  if (leaf === undefined) return undefined;
  const ends = chain.map((certificate) => certificate.validToDate.getTime());
  const last = chain.at(-1);
  const endsWithRoot = chain.length > 1 && last !== undefined && last.subject === last.issuer;
  return {
    version: socket.getProtocol() ?? '',
    cipher: socket.getCipher().standardName,
    alpn: socket.alpnProtocol === false ? '' : (socket.alpnProtocol ?? ''),
    subject: oneLine(leaf.subject),
    issuer: oneLine(leaf.issuer),
    names: leaf.subjectAltName ?? '',
    fingerprint: leaf.fingerprint256.replaceAll(':', '').toLowerCase(),
    notBeforeMs: leaf.validFromDate.getTime(),
    notAfterMs: leaf.validToDate.getTime(),
    earliestNotAfterMs: Math.min(...(endsWithRoot ? ends.slice(0, -1) : ends)),
    latestNotAfterMs: Math.max(...ends),
    chainLength: chain.length,
  };
}

/**
 * Judges the peer's certificate: the chain as the TLS library verified it, then the host name (RFC
 * 9525). Undefined when it may be trusted.
 */
export function verifyPeer(socket: TLSSocket, host: string): Failure | undefined {
  const facts = readTlsFacts(socket);
  if (!socket.authorized && socket.authorizationError) {
    return chainFailure(String(socket.authorizationError), host, facts);
  }
  const wrongName = checkServerIdentity(host, socket.getPeerCertificate());
  if (wrongName === undefined) return undefined;
  return Failure.down(
    'tls_hostname',
    `the certificate is not for ${host} but for ${facts?.names || facts?.subject || 'nothing'}`,
  );
}

const chainErrors: Readonly<Record<string, DownError>> = {
  CERT_HAS_EXPIRED: 'tls_expired',
  CERT_NOT_YET_VALID: 'tls_not_yet_valid',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'tls_self_signed',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'tls_incomplete_chain',
};

function chainFailure(code: string, host: string, facts: TlsFacts | undefined): Failure {
  const error = chainErrors[code] ?? 'tls_untrusted';
  const issuer = facts?.issuer ?? 'its issuer';
  const messages: Partial<Record<DownError, string>> = {
    tls_expired: `expired on ${date(facts?.earliestNotAfterMs)}`,
    tls_not_yet_valid: `is valid only from ${date(facts?.notBeforeMs)}`,
    tls_self_signed: 'is self-signed',
    tls_incomplete_chain: `came without that of its issuer (${issuer}), which is no trusted root: the chain is incomplete or the CA is private`,
    tls_untrusted: `is not trusted: no known root stands behind ${issuer}`,
  };
  return Failure.down(error, `the certificate of ${host} ${messages[error] ?? ''} (${code})`);
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

/** Node separates the parts of a name by line breaks. */
function oneLine(name: string): string {
  return name.replaceAll('\n', ', ');
}

function date(ms: number | undefined): string {
  return ms === undefined ? 'an unknown day' : new Date(ms).toISOString().slice(0, 10);
}
