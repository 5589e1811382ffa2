import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { DownError } from '#lib/error-type';
import { roughDuration } from '#lib/rough-duration';
import { Failure } from './failure.ts';

/** What a peer has shown, and when. */
export interface Shown {
  /** The host its certificate must be for. */
  readonly host: string;
  readonly leaf: X509Certificate;
  /** The certificates that were sent, its own first. */
  readonly chain: readonly X509Certificate[];
  /** The TLS library's code for what is wrong with the chain; undefined when it is trusted. */
  readonly code: string | undefined;
  readonly unixMs: number;
}

/**
 * Why a peer must not be believed, if that is so: its chain as the TLS library verified it, then the host
 * name (RFC 9525: the subject does not count), which is told also where it is not what comes first.
 */
export function judgePeer(shown: Shown): Failure | undefined {
  const { host, code } = shown;
  const misnamed = wrongName(shown);
  if (code === undefined) {
    if (misnamed === undefined) return undefined;
    return Failure.down('tls_hostname', `the certificate ${misnamed}`);
  }
  const error = chainErrors[code] ?? 'tls_untrusted';
  const reason = `the certificate of ${host} ${chainReasons[error]({ ...shown, code })} (${code})`;
  return Failure.down(
    error,
    misnamed === undefined ? reason : `${reason}; besides, it ${misnamed}`,
  );
}

/** The subject, on one line. */
export function nameOf(name: string): string {
  // Node separates the parts of a name by line breaks.
  return name.replaceAll('\n', ', ');
}

type ChainError = DownError &
  (
    | 'tls_expired'
    | 'tls_not_yet_valid'
    | 'tls_self_signed'
    | 'tls_incomplete_chain'
    | 'tls_untrusted'
  );

const chainErrors: Readonly<Record<string, ChainError>> = {
  CERT_HAS_EXPIRED: 'tls_expired',
  CERT_NOT_YET_VALID: 'tls_not_yet_valid',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'tls_self_signed',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'tls_incomplete_chain',
};

type Distrusted = Shown & { readonly code: string };

const chainReasons: Readonly<Record<ChainError, (shown: Distrusted) => string>> = {
  tls_expired: (shown) =>
    pastValidity(shown) ?? 'stands on a root that is trusted here and has expired',
  tls_not_yet_valid: futureValidity,
  tls_self_signed: ({ leaf }) =>
    `is self-signed (${nameOf(leaf.subject)}); if it is meant to be, trust it with tls.ca`,
  tls_incomplete_chain: ({ leaf }) =>
    `came without that of its issuer (${nameOf(leaf.issuer)}), which is no trusted root: the server must send it along; if the CA is your own, trust it with tls.ca`,
  tls_untrusted: (shown) => `is not trusted: ${whyUntrusted(shown)}`,
};

function pastValidity({ chain, leaf, unixMs }: Shown): string | undefined {
  const over = chain.find(({ validToDate }) => validToDate.getTime() < unixMs);
  if (over === undefined) return undefined;
  const endMs = over.validToDate.getTime();
  const when = `${roughDuration(unixMs - endMs)} ago, at ${instant(endMs)}`;
  if (over === leaf) return `expired ${when}`;
  return `is signed by one that expired ${when}: ${nameOf(over.subject)}`;
}

/** The clock can be wrong on either side. */
function futureValidity({ chain, leaf, unixMs }: Shown): string {
  const early = chain.find(({ validFromDate }) => validFromDate.getTime() > unixMs) ?? leaf;
  const startMs = early.validFromDate.getTime();
  const which = early === leaf ? 'it' : `that of ${nameOf(early.subject)} above it`;
  const when = `in ${roughDuration(startMs - unixMs)}, at ${instant(startMs)}`;
  return `is not valid yet: ${which} will be ${when}, if it is ${instant(unixMs)} now, as the clock here says`;
}

/** What else than an unknown root is held against a chain (X509_verify_cert_error_string(3)). */
const complaints: Readonly<Record<string, string>> = {
  INVALID_PURPOSE: 'it is not one for servers, or one above it may not sign others',
  INVALID_CA: 'a certificate above it may not sign others',
  PATH_LENGTH_EXCEEDED: 'a certificate above it may not sign for so long a chain',
  CERT_SIGNATURE_FAILURE: 'a signature in its chain is wrong',
};

const rootless = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
]);

function whyUntrusted({ code, chain, leaf }: Distrusted): string {
  if (rootless.has(code)) {
    const root = nameOf((chain.at(-1) ?? leaf).issuer);
    return `no known root stands behind it: its chain leads to ${root}; if that CA is your own, trust it with tls.ca`;
  }
  const complaint = complaints[code] ?? chain.map(weakness).find((weak) => weak !== undefined);
  return complaint ?? 'the TLS library refuses its chain without telling why';
}

/** Keys and signatures that OpenSSL no longer believes (security level 2), which Node gives no code. */
function weakness(certificate: X509Certificate): string | undefined {
  const { subject, publicKey, signatureAlgorithm = '' } = certificate;
  const bits = publicKey.asymmetricKeyDetails?.modulusLength ?? Infinity;
  if (bits < 2048) {
    return `the key of ${nameOf(subject)} is too weak: ${bits} bits, where 2048 are the least`;
  }
  if (!/md5|sha1/i.test(signatureAlgorithm)) return undefined;
  return `the signature of ${nameOf(subject)} is too weak: ${signatureAlgorithm}`;
}

const namesMax = 5;

function wrongName({ leaf, host }: Shown): string | undefined {
  const fits = isIP(host)
    ? leaf.checkIP(host)
    : leaf.checkHost(host, { subject: 'never', partialWildcards: false });
  if (fits !== undefined) return undefined;
  const names = leaf.subjectAltName?.split(', ') ?? [];
  if (names.length === 0) {
    return `names no host: it has no subjectAltName, and its subject (${nameOf(leaf.subject)}) does not count`;
  }
  const more = names.length > namesMax ? ` and ${names.length - namesMax} more` : '';
  const remedy = isIP(host) ? '; tls.name says which name to expect behind an address' : '';
  return `is not for ${host} but for ${names.slice(0, namesMax).join(', ')}${more}${remedy}`;
}

function instant(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
