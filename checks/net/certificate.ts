import { type X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { type TLSSocket } from 'node:tls';
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
  /** The earliest end of validity among the certificates that were sent. */
  readonly earliestNotAfterMs: number;
  /** How many certificates were sent. */
  readonly chainLength: number;
  /** Whether a trusted root stands behind them. */
  readonly trusted: boolean;
  /** Why the peer must not be believed, if that is so. */
  readonly distrust: Failure | undefined;
}

/**
 * Reads and judges the certificate of a connection that was opened without judgement: its chain as the
 * TLS library verified it, then the host name (RFC 9525: the subject does not count). Also of a
 * handshake that failed, if only after the certificate; undefined when there is none. Call it once a
 * connection: Node hands out the chain a single time and then forgets it.
 */
export function examinePeer(socket: TLSSocket, host: string): TlsFacts | undefined {
  const chain = readChain(socket);
  const [leaf] = chain;
  if (leaf === undefined) return undefined;
  const code = chainError(socket);
  const facts = { ...readFacts(socket, leaf, chain), trusted: code === undefined };
  const distrust =
    code === undefined ? nameFailure(leaf, host, facts) : chainFailure(code, host, facts);
  return { ...facts, distrust };
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
    earliestNotAfterMs: Math.min(...chain.map(({ validToDate }) => validToDate.getTime())),
    chainLength: chain.length,
  };
}

const chainErrors: Readonly<Record<string, DownError>> = {
  CERT_HAS_EXPIRED: 'tls_expired',
  CERT_NOT_YET_VALID: 'tls_not_yet_valid',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'tls_self_signed',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'tls_incomplete_chain',
};

/** What else than an unknown root is held against a chain (X509_verify_cert_error_string(3)). */
const distrust: Readonly<Record<string, string>> = {
  INVALID_PURPOSE: 'it is not one for servers, or one above it may not sign others',
  INVALID_CA: 'a certificate above it may not sign others',
  PATH_LENGTH_EXCEEDED: 'a certificate above it may not sign for so long a chain',
  CERT_SIGNATURE_FAILURE: 'a signature in its chain is wrong',
};

type Readable = Pick<
  TlsFacts,
  'earliestNotAfterMs' | 'notBeforeMs' | 'issuer' | 'names' | 'subject'
>;

function chainFailure(code: string, host: string, facts: Readable): Failure {
  const error = chainErrors[code] ?? 'tls_untrusted';
  const messages: Partial<Record<DownError, string>> = {
    tls_expired: `has expired: one of its chain was valid until ${date(facts.earliestNotAfterMs)}`,
    tls_not_yet_valid: `is not valid yet: it will be from ${date(facts.notBeforeMs)}`,
    tls_self_signed: 'is self-signed',
    tls_incomplete_chain: `came without that of its issuer (${facts.issuer}), which is no trusted root: the chain is incomplete, or the CA is private`,
    tls_untrusted: `is not trusted: ${distrust[code] ?? `no known root stands behind it (issuer ${facts.issuer})`}`,
  };
  return Failure.down(error, `the certificate of ${host} ${messages[error] ?? ''} (${code})`);
}

function nameFailure(leaf: X509Certificate, host: string, facts: Readable): Failure | undefined {
  const fits = isIP(host)
    ? leaf.checkIP(host)
    : leaf.checkHost(host, { subject: 'never', partialWildcards: false });
  if (fits !== undefined) return undefined;
  const names = facts.names === '' ? `no name at all (subject ${facts.subject})` : facts.names;
  return Failure.down('tls_hostname', `the certificate is not for ${host} but for ${names}`);
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

function date(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
