import { roughDuration } from '#lib/rough-duration';
import type { Finding } from './finding.ts';

type Row = readonly [name: string, text: string];

/** Gives a fact and remembers that it has been told; empty when it is not there. */
type Read = (fact: string) => string;

/**
 * What a run found out, in the order a person asks for it: where it went, what came, whom it met. Facts
 * that have no place here follow under their own names.
 */
export function describeFacts(evidence: Finding['evidence']): readonly Row[] {
  const told = new Set<string>();
  const read: Read = (fact) => {
    told.add(fact);
    return fact in evidence ? String(evidence[fact]) : '';
  };
  const headers = Object.keys(evidence).filter((fact) => fact.startsWith('header_'));
  const rows: readonly Row[] = [
    ['address', describeAddress(read)],
    ['answer', describeAnswer(read)],
    ...headers.map((fact): Row => [fact.slice('header_'.length), read(fact)]),
    ['tls', join(' ', read('tls_version'), read('tls_cipher'), read('tls_alpn'))],
    ['certificate', join(', issued by ', read('certificate_subject'), read('certificate_issuer'))],
    ['names', read('certificate_names')],
    ['valid', describeValidity(read)],
    [
      'ends first',
      join(
        ', ',
        describeEnd(read('certificate_earliest_not_after')),
        read('certificate_earliest_subject'),
      ),
    ],
    ['sha256', read('certificate_fingerprint_sha256')],
  ];
  const others = Object.entries(evidence)
    .filter(([fact]) => !told.has(fact))
    .map(([fact, value]): Row => [fact, String(value)]);
  return [...rows, ...others].filter(([, text]) => text !== '');
}

function describeAddress(read: Read): string {
  const [address, source] = [read('address'), read('address_source')];
  const all = read('addresses')
    .split(' ')
    .filter((other) => other !== address && other !== '');
  const ttl = read('dns_ttl_seconds');
  const details = [
    source === 'literal' ? '' : source,
    ttl === '' ? '' : `ttl ${ttl} s`,
    all.length === 0 ? '' : `also ${all.join(' ')}`,
  ];
  const known = details.filter((detail) => detail !== '').join(', ');
  return known === '' ? address : `${address} (${known})`;
}

function describeAnswer(read: Read): string {
  const [status, version, bytes] = [read('status'), read('http_version'), read('body_bytes')];
  const url = read('url');
  return status === '' ? '' : `${status} by HTTP/${version}, ${bytes} bytes of body, from ${url}`;
}

function describeValidity(read: Read): string {
  const [from, until] = [read('certificate_not_before'), read('certificate_not_after')];
  const [trusted, length] = [read('certificate_trusted'), read('certificate_chain_length')];
  if (until === '') return '';
  const chain = `${length} certificate${length === '1' ? '' : 's'} sent`;
  const trust = trusted === 'true' ? 'trusted' : 'not trusted';
  return `${from.slice(0, 10)} to ${describeEnd(until)}, ${chain}, ${trust}`;
}

function describeEnd(instant: string): string {
  if (instant === '') return '';
  const leftMs = Date.parse(instant) - Date.now();
  const left = leftMs < 0 ? `${roughDuration(-leftMs)} ago` : `${roughDuration(leftMs)} left`;
  return `${instant.slice(0, 16)}Z (${left})`;
}

function join(separator: string, ...texts: readonly string[]): string {
  return texts.filter((text) => text !== '').join(separator);
}
