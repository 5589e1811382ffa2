import { dns } from '#checks/dns';
import { http } from '#checks/http';
import { address, type DnsReply, serveDns } from '../support/servers/dns-server.ts';
import { type Fault, soon, type Trouble, type TroubleOptions } from './fault.ts';

const nxdomain: DnsReply = { rcode: 3 };

export const dnsFaults: readonly Fault[] = [
  {
    name: 'DNS: the name does not exist',
    error: 'dns_nxdomain',
    says: /service\.test does not exist/,
    open: () => named(() => nxdomain),
  },
  {
    name: 'DNS: the name has no address',
    error: 'dns_no_address',
    open: () => named(() => ({ records: [] })),
  },
  {
    name: 'DNS: the name has only an address of the other kind',
    error: 'dns_no_address',
    open: () =>
      named(({ type }) => ({ records: type === 'A' ? [address('127.0.0.1')] : [] }), {
        settings: { ip: 6 },
      }),
  },
  {
    name: 'DNS: the name server fails',
    error: 'dns_servfail',
    open: () => named(() => ({ rcode: 2 })),
  },
  {
    name: 'DNS: the name server refuses',
    error: 'dns_refused',
    open: () => named(() => ({ rcode: 5 })),
  },
  {
    name: 'DNS: the name server is silent',
    error: 'dns_timeout',
    open: () => named(() => 'silence', { options: soon }),
  },
  {
    name: 'DNS: nobody listens at the name server',
    error: 'dns_unreachable',
    open: () => unservedName(),
  },
  {
    name: 'DNS: the answer is garbage',
    error: 'dns_malformed',
    open: () => named(() => ({ raw: Buffer.from('not a DNS message at all, but long enough') })),
  },
  {
    name: 'DNS: the answer is too long for UDP and nobody listens on TCP',
    error: 'dns_unreachable',
    open: () => named(() => ({ truncate: true }), { tcp: false }),
  },
  {
    name: 'dns check: a record is missing',
    error: 'dns_mismatch',
    says: /192\.0\.2\.9 is missing/,
    open: () =>
      named(() => ({ records: [address('192.0.2.1')] }), {
        check: dns,
        settings: { expect: { answers: { contains: ['192.0.2.9'] } } },
      }),
  },
];

async function named(
  answer: Parameters<typeof serveDns>[0],
  options: TroubleOptions & { tcp?: boolean } = {},
): Promise<Trouble> {
  const server = await serveDns(answer, { tcp: options.tcp ?? true });
  const check = options.check ?? http;
  return {
    check,
    target: check === dns ? 'service.test' : 'http://service.test/',
    settings: { resolvers: [server.address], ...options.settings },
    ...(options.options && { options: options.options }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function unservedName(): Promise<Trouble> {
  return {
    check: http,
    target: 'http://service.test/',
    settings: { resolvers: ['127.0.0.1:1'] },
    [Symbol.asyncDispose]: async () => undefined,
  };
}
