import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { findInHosts } from '#checks/net/hosts-file';
import { parseResolvConf, searchCandidates } from '#checks/net/resolv-conf';
import { resolve, searchDomains } from '#checks/net/resolve';
import {
  address,
  type DnsQuestion,
  type DnsReply,
  serveDns,
} from '../../support/servers/dns-server.ts';

const folder = mkdtempSync(join(tmpdir(), 'farpoint-resolve-'));
afterAll(() => rmSync(folder, { recursive: true }));
const signal = AbortSignal.timeout(20_000);

describe('hosts file', () => {
  const text = [
    '127.0.0.1 localhost # here',
    '::1\tlocalhost ip6-localhost',
    '# 192.0.2.9 web',
    '192.0.2.1  web.test  Web',
    'nonsense web',
  ].join('\n');

  test.each([
    ['localhost', ['127.0.0.1', '::1']],
    ['WEB', ['192.0.2.1']],
    ['web.test.', ['192.0.2.1']],
    ['here', []],
    ['eb', []],
  ])('%s: %j', (name, addresses) => {
    expect(findInHosts(text, name)).toEqual(addresses);
  });
});

describe('resolv.conf', () => {
  test('as Kubernetes writes it', () => {
    const conf = parseResolvConf(
      'nameserver 10.96.0.10\nsearch a.svc.cluster.local svc.cluster.local.\noptions ndots:5 timeout:1\n',
    );
    expect(conf).toEqual({
      search: ['a.svc.cluster.local', 'svc.cluster.local'],
      ndots: 5,
      timeoutMs: 1000,
      attempts: 2,
    });
    expect(searchCandidates('db', conf)[0]).toBe('db.a.svc.cluster.local');
    expect(searchCandidates('www.example.org', conf).at(-1)).toBe('www.example.org');
    expect(searchCandidates('www.example.org.', conf)).toEqual(['www.example.org']);
  });

  test('defaults, the last search line, and comments', () => {
    const conf = parseResolvConf(
      '; a comment\nsearch one.test\ndomain two.test # why\noptions rotate',
    );
    expect(conf).toEqual({ search: ['two.test'], ndots: 1, timeoutMs: 5000, attempts: 2 });
    expect(searchCandidates('a.b', conf)).toEqual(['a.b', 'a.b.two.test']);
    expect(searchCandidates('a', conf)).toEqual(['a.two.test', 'a']);
  });
});

describe('resolve', () => {
  const files = (hosts: string, resolvConf = ''): { hosts: string; resolvConf: string } => {
    const paths = { hosts: join(folder, 'hosts'), resolvConf: join(folder, 'resolv.conf') };
    writeFileSync(paths.hosts, hosts);
    writeFileSync(paths.resolvConf, resolvConf);
    return paths;
  };

  test('a literal address is not looked up', async () => {
    expect(await resolve('192.0.2.1', { ip: 'auto' }, signal)).toMatchObject({
      address: '192.0.2.1',
      family: 4,
      source: 'literal',
    });
  });

  test('the hosts file comes first, and a change of it is seen', async () => {
    const options = (): object => ({ ip: 'auto', files: files('192.0.2.1 web.test') });
    expect(await resolve('web.test', options() as never, signal)).toMatchObject({
      address: '192.0.2.1',
      source: 'hosts',
    });
    const changed = { ip: 'auto', files: files('192.0.2.22 web.test') } as const;
    expect(await resolve('web.test', changed, signal)).toMatchObject({ address: '192.0.2.22' });
  });

  test('localhost is the loopback even where the hosts file does not say so', async () => {
    const options = { ip: 6, files: files('') } as const;
    expect(await resolve('x.localhost', options, signal)).toMatchObject({ address: '::1' });
  });

  test('auto takes IPv4, and waits for no answer about IPv6', async () => {
    const found = await withServer(
      ({ type }) => (type === 'A' ? { records: [address('192.0.2.1', 7)] } : 'silence'),
      (server) => resolve('web.test', { ip: 'auto', servers: [server] }, signal),
    );
    expect(found.result).toMatchObject({ address: '192.0.2.1', ttlSeconds: 7, source: 'dns' });
    expect(found.questions.map(({ type }) => type).toSorted()).toEqual(['A', 'AAAA']);
  });

  test('auto keeps the IPv6 addresses that came as well', async () => {
    const found = await withServer(
      ({ type }) => ({
        records: type === 'A' ? [address('192.0.2.1', 70)] : [address('2001:db8::1', 7)],
      }),
      (server) => resolve('web.test', { ip: 'auto', servers: [server] }, signal),
    );
    expect(found.result).toMatchObject({
      address: '192.0.2.1',
      addresses: ['192.0.2.1', '2001:db8::1'],
      ttlSeconds: 7,
    });
  });

  test('auto takes IPv6 where there is no IPv4', async () => {
    const found = await withServer(
      ({ type }) => ({ records: type === 'AAAA' ? [address('2001:db8::1')] : [] }),
      (server) => resolve('web.test', { ip: 'auto', servers: [server] }, signal),
    );
    expect(found.result).toMatchObject({ address: '2001:db8::1', family: 6 });
  });

  test('asks only for the family that is wanted', async () => {
    const found = await withServer(
      () => ({ records: [address('192.0.2.1')] }),
      (server) => resolve('web.test', { ip: 4, servers: [server] }, signal),
    );
    expect(found.questions.map(({ type }) => type)).toEqual(['A']);
  });

  test('nothing is remembered: every run asks again', async () => {
    const found = await withServer(
      () => ({ records: [address('192.0.2.1', 3600)] }),
      async (server) => {
        await resolve('web.test', { ip: 4, servers: [server] }, signal);
        return resolve('web.test', { ip: 4, servers: [server] }, signal);
      },
    );
    expect(found.questions).toHaveLength(2);
  });

  test.each([
    ['an address in a search domain', 'web', { 'web.two.test': '192.0.2.2' }, '192.0.2.2'],
    [
      'the first search domain that has it',
      'web',
      { 'web.one.test': '192.0.2.1', 'web.two.test': '192.0.2.2' },
      '192.0.2.1',
    ],
    [
      'a full name as it is',
      'web.test',
      { 'web.test': '192.0.2.3', 'web.test.one.test': '192.0.2.1' },
      '192.0.2.3',
    ],
    [
      'after a server failure in one domain, the next',
      'flaky',
      { 'flaky.two.test': '192.0.2.4' },
      '192.0.2.4',
    ],
  ])('searches: %s', async (_title, name, zone: Record<string, string>, expected) => {
    const found = await withServer(
      (question) => {
        if (question.name === 'flaky.one.test') return { rcode: 2 };
        const known = zone[question.name];
        return known === undefined ? { rcode: 3 } : { records: [address(known)] };
      },
      (server) => {
        const conf = { search: ['one.test', 'two.test'], ndots: 1, timeoutMs: 1000, attempts: 2 };
        const options = { ip: 4, servers: [server] } as const;
        return searchDomains(name, conf, { options, signal });
      },
    );
    expect(found.result).toMatchObject({ address: expected });
  });
});

async function withServer<T>(
  answer: (question: DnsQuestion) => DnsReply,
  use: (server: string) => Promise<T>,
): Promise<{ result: T; questions: readonly DnsQuestion[] }> {
  await using server = await serveDns(answer);
  return { result: await use(server.address), questions: server.questions };
}
