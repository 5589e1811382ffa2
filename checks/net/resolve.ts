import { Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import type { DownError } from '#lib/error-type';
import { Failure } from './failure.ts';
import { findInHosts } from './hosts-file.ts';
import { parseResolvConf, type ResolvConf, searchCandidates } from './resolv-conf.ts';
import { readSystemFile } from './system-file.ts';

/** Which address family to use: `auto` is IPv4 where the name has such an address, else IPv6. */
export type Family = 'auto' | 4 | 6;

/** Where and how names are looked up. */
export interface ResolveOptions {
  readonly ip: Family;
  /**
   * Name servers (`address` or `address:port`) to ask instead of the system's. The name is then taken
   * as it is: neither the hosts file nor search domains apply.
   */
  readonly servers?: readonly string[] | undefined;
  /** Stand-ins for the system's own files. */
  readonly files?: { readonly hosts: string; readonly resolvConf: string };
}

/** The address that was chosen, and everything the lookup told on the way. */
export interface Resolution {
  readonly address: string;
  readonly family: 4 | 6;
  readonly source: 'literal' | 'hosts' | 'dns';
  /** The full name that had the answer: differs from the name asked for by a search domain. */
  readonly name: string;
  /** All addresses that are known, the chosen one first. */
  readonly addresses: readonly string[];
  /** Smallest time to live among the answers; only from DNS. */
  readonly ttlSeconds?: number;
}

const systemFiles = { hosts: '/etc/hosts', resolvConf: '/etc/resolv.conf' };

/**
 * Looks a name up as the system would, but without its cache and its threads: literal addresses, the
 * hosts file, then DNS over the search domains. One address is chosen, always the first of its family.
 */
export async function resolve(
  host: string,
  options: ResolveOptions,
  signal: AbortSignal,
): Promise<Resolution | Failure> {
  if (isIP(host)) return choose([host], { host, options, source: 'literal' });
  if (options.servers !== undefined) {
    using query = openQuery(options, { timeoutMs: 2000, attempts: 3 }, signal);
    return await query.ask(host.replace(/\.$/, ''));
  }
  const files = options.files ?? systemFiles;
  const known = findInHosts(readSystemFile(files.hosts), host);
  if (isLocalhost(host)) known.push('127.0.0.1', '::1');
  if (known.length > 0) return choose(known, { host, options, source: 'hosts' });
  const conf = parseResolvConf(readSystemFile(files.resolvConf));
  return searchDomains(host, conf, { options, signal });
}

/**
 * Asks for each candidate until one has an address. Like the C library, a server's failure does not
 * end the search but is remembered, while silence does end it (res_nsearch in glibc's res_query.c).
 */
export async function searchDomains(
  host: string,
  conf: ResolvConf,
  { options, signal }: { options: ResolveOptions; signal: AbortSignal },
): Promise<Resolution | Failure> {
  using query = openQuery(options, conf, signal);
  const failures: Failure[] = [];
  for (const candidate of searchCandidates(host, conf)) {
    const answer = await query.ask(candidate);
    if (!(answer instanceof Failure)) return answer;
    failures.push(answer);
    if (!goesOn.has(answer.verdict.error)) break;
  }
  const worst = failures.toSorted((a, b) => rank(a) - rank(b))[0];
  return worst ?? Failure.down('dns_nxdomain', `no name to ask for in ${JSON.stringify(host)}`);
}

const goesOn = new Set<string>(['dns_nxdomain', 'dns_no_address', 'dns_servfail']);

/** What says most about the name comes first. */
function rank(failure: Failure): number {
  return ['dns_no_address', 'dns_nxdomain'].indexOf(failure.verdict.error);
}

function openQuery(
  options: ResolveOptions,
  { timeoutMs, attempts }: { timeoutMs: number; attempts: number },
  signal: AbortSignal,
): { ask(name: string): Promise<Resolution | Failure> } & Disposable {
  const resolver = new Resolver({ timeout: timeoutMs, tries: attempts });
  if (options.servers !== undefined) resolver.setServers(options.servers);
  const cancel = (): void => resolver.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  return {
    ask: async (name) => {
      if (signal.aborted) return Failure.aborted(signal, 'resolve', `looking up ${name}`);
      return askFamilies(resolver, name, { options, signal });
    },
    [Symbol.dispose]: () => {
      signal.removeEventListener('abort', cancel);
      resolver.cancel();
    },
  };
}

interface Answer {
  readonly address: string;
  readonly ttl: number;
}

async function askFamilies(
  resolver: Resolver,
  name: string,
  { options, signal }: { options: ResolveOptions; signal: AbortSignal },
): Promise<Resolution | Failure> {
  const settle = async (answer: Promise<Answer[]>): Promise<Answer[] | Failure> => {
    try {
      return await answer;
    } catch (error) {
      return signal.aborted
        ? Failure.aborted(signal, 'resolve', `looking up ${name}`)
        : lookupFailure(name, error);
    }
  };
  const six = options.ip === 4 ? undefined : settle(resolver.resolve6(name, { ttl: true }));
  const four = options.ip === 6 ? undefined : settle(resolver.resolve4(name, { ttl: true }));
  const first = await (four ?? six);
  if (Array.isArray(first) && first.length > 0) {
    // Of the other family, which was asked first, is kept what is there; it is not waited for.
    const others = four && (await Promise.race([six, setImmediate()]));
    return fromAnswers(name, [...first, ...(Array.isArray(others) ? others : [])], options);
  }
  const second = await six;
  if (Array.isArray(second) && second.length > 0) return fromAnswers(name, second, options);
  const failures = [first, second].filter((result) => result instanceof Failure);
  return (
    failures.toSorted((a, b) => rank(a) - rank(b))[0] ??
    Failure.down('dns_no_address', `${name} has no address`)
  );
}

function fromAnswers(
  name: string,
  answers: readonly Answer[],
  options: ResolveOptions,
): Resolution | Failure {
  const chosen = choose(
    answers.map((answer) => answer.address),
    { host: name, options, source: 'dns' },
  );
  if (chosen instanceof Failure) return chosen;
  return { ...chosen, ttlSeconds: Math.min(...answers.map((answer) => answer.ttl)) };
}

function choose(
  addresses: readonly string[],
  {
    host,
    options,
    source,
  }: { host: string; options: ResolveOptions; source: Resolution['source'] },
): Resolution | Failure {
  const families = options.ip === 'auto' ? ([4, 6] as const) : ([options.ip] as const);
  for (const family of families) {
    const address = addresses.find((candidate) => isIP(candidate) === family);
    if (address === undefined) continue;
    const distinct = [...new Set([address, ...addresses])];
    return { address, family, source, name: host, addresses: distinct };
  }
  return Failure.down(
    'dns_no_address',
    `${host} has no IPv${families[0]} address, only ${addresses.join(', ')}`,
  );
}

const errorsByCode: Readonly<Record<string, readonly [DownError, string]>> = {
  ENOTFOUND: ['dns_nxdomain', 'does not exist (NXDOMAIN)'],
  ENODATA: ['dns_no_address', 'has no address of the kind asked for'],
  ETIMEOUT: ['dns_timeout', 'got no answer from the name servers in time'],
  ESERVFAIL: ['dns_servfail', 'could not be looked up: the name server failed (SERVFAIL)'],
  EREFUSED: ['dns_refused', 'could not be looked up: the name server refused (REFUSED)'],
  ENOTIMP: ['dns_refused', 'could not be looked up: the name server does not do that (NOTIMP)'],
  ECONNREFUSED: ['dns_unreachable', 'could not be looked up: no name server can be reached'],
  EBADNAME: ['dns_nxdomain', 'is not a valid name'],
};

/** Says what a c-ares error means for the name that was asked for. */
export function lookupFailure(name: string, error: unknown): Failure {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const known = errorsByCode[code];
  if (known) return Failure.down(known[0], `${name} ${known[1]}`);
  return Failure.down('dns_malformed', `${name} got an answer that makes no sense (${code})`);
}

/** RFC 6761, 6.3: localhost and what is below it is the loopback, whatever DNS says. */
function isLocalhost(host: string): boolean {
  return /(^|\.)localhost\.?$/i.test(host);
}
