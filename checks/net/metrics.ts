import type { MetricDeclaration } from '#lib/observation';
import type { TlsFacts } from './certificate.ts';
import type { Resolution } from './resolve.ts';
import type { Trace } from './trace.ts';

/** Metrics of every check that connects somewhere; their names are blackbox_exporter's. */
const lookupTime: MetricDeclaration = {
  name: 'probe.dns.lookup.time',
  unit: 's',
  kind: 'gauge',
  description: 'How long looking up the name of the target took',
};

const ipProtocol: MetricDeclaration = {
  name: 'probe.ip.protocol',
  unit: '',
  kind: 'gauge',
  description: 'IP version of the address that was used: 4 or 6',
};

const earliestExpiry: MetricDeclaration = {
  name: 'probe.ssl.earliest.cert.expiry',
  unit: '',
  kind: 'gauge',
  description: 'Unix time in seconds at which the first of the certificates that were sent expires',
};

const leafExpiry: MetricDeclaration = {
  name: 'probe.ssl.leaf.cert.expiry',
  unit: '',
  kind: 'gauge',
  description: "Unix time in seconds at which the server's own certificate expires",
};

const lastChainExpiry: MetricDeclaration = {
  name: 'probe.ssl.last.chain.expiry.timestamp',
  unit: 's',
  kind: 'gauge',
  description: 'Unix time at which the trusted chain expires; absent when the chain is not trusted',
};

const tlsVersion: MetricDeclaration = {
  name: 'probe.tls.version.info',
  unit: '',
  kind: 'gauge',
  description: 'The version of TLS that was agreed on; always 1',
  attributes: ['version'],
};

const tlsCipher: MetricDeclaration = {
  name: 'probe.tls.cipher.info',
  unit: '',
  kind: 'gauge',
  description: 'The cipher suite that was agreed on; always 1',
  attributes: ['cipher'],
};

export const addressMetrics = [lookupTime, ipProtocol] as const;
export const tlsMetrics = [
  earliestExpiry,
  leafExpiry,
  lastChainExpiry,
  tlsVersion,
  tlsCipher,
] as const;

/** Turns what the newest hop told of name and certificate into measurements and evidence. */
export function recordFacts(trace: Trace): void {
  const resolveMs = trace.phases.get('resolve');
  if (resolveMs !== undefined) trace.measure(lookupTime, resolveMs / 1000);
  if (trace.resolution) recordResolution(trace.resolution, trace);
  if (trace.tls) recordTls(trace.tls, trace);
}

function recordResolution(resolution: Resolution, trace: Trace): void {
  trace.measure(ipProtocol, resolution.family);
  trace.note('address', resolution.address);
  trace.note('address_source', resolution.source);
  if (resolution.addresses.length > 1) trace.note('addresses', resolution.addresses.join(' '));
  if (resolution.ttlSeconds !== undefined) trace.note('dns_ttl_seconds', resolution.ttlSeconds);
}

function recordTls(facts: TlsFacts, trace: Trace): void {
  trace.measure(earliestExpiry, facts.earliestNotAfterMs / 1000);
  trace.measure(leafExpiry, facts.notAfterMs / 1000);
  if (facts.trusted) trace.measure(lastChainExpiry, facts.earliestNotAfterMs / 1000);
  trace.measure(tlsVersion, 1, { version: facts.version.replace('TLSv', 'TLS ') });
  trace.measure(tlsCipher, 1, { cipher: facts.cipher });
  trace.note('tls_version', facts.version);
  trace.note('tls_cipher', facts.cipher);
  if (facts.alpn !== '') trace.note('tls_alpn', facts.alpn);
  trace.note('certificate_subject', facts.subject);
  trace.note('certificate_issuer', facts.issuer);
  trace.note('certificate_names', facts.names);
  trace.note('certificate_fingerprint_sha256', facts.fingerprint);
  trace.note('certificate_not_before', new Date(facts.notBeforeMs).toISOString());
  trace.note('certificate_not_after', new Date(facts.notAfterMs).toISOString());
  if (facts.earliestNotAfterMs !== facts.notAfterMs) {
    trace.note('certificate_earliest_not_after', new Date(facts.earliestNotAfterMs).toISOString());
    trace.note('certificate_earliest_subject', facts.earliestSubject);
  }
  trace.note('certificate_chain_length', facts.chainLength);
  trace.note('certificate_trusted', facts.trusted);
}
