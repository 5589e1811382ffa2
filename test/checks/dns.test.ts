import { expect, test } from 'vitest';
import { dns } from '#checks/dns';
import { formatObservations } from '../support/checks/formatted-observation.ts';
import { runCheck } from '../support/checks/run-check.ts';
import { address, type DnsReply, serveDns, wireName } from '../support/servers/dns-server.ts';

const zone: Readonly<Record<string, DnsReply>> = {
  'A www.test': { records: [address('192.0.2.2', 30), address('192.0.2.1', 300)] },
  'AAAA www.test': { records: [address('2001:db8::1')] },
  'MX www.test': {
    records: [{ type: 'MX', data: Buffer.concat([Buffer.of(0, 10), wireName('mail.test')]) }],
  },
  'NS www.test': { records: [{ type: 'NS', data: wireName('Ns1.Example.TEST') }] },
  'TXT www.test': { records: [{ type: 'TXT', data: Buffer.from('\x05hello') }] },
  'CNAME www.test': { records: [{ type: 'CNAME', data: wireName('web.test') }] },
  'A long.test': { records: [address('192.0.2.7')], truncate: true },
  'A broken.test': { rcode: 2 },
};

async function look(target: string, settings: object = {}): ReturnType<typeof runCheck> {
  await using server = await serveDns(({ type, name }) => zone[`${type} ${name}`] ?? { rcode: 3 });
  return await runCheck(dns, target, { resolvers: [server.address], ...settings });
}

test('golden: an answer, a name that does not exist, a server that fails', async () => {
  await expect(
    formatObservations({
      up: await look('www.test'),
      'no such name': await look('gone.test'),
      'server failure': await look('broken.test'),
    }),
  ).toMatchFileSnapshot('../golden/dns.txt');
});

test.each([
  ['A', ['192.0.2.1', '192.0.2.2']],
  ['AAAA', ['2001:db8::1']],
  ['MX', ['10 mail.test']],
  ['TXT', ['hello']],
  ['CNAME', ['web.test']],
])('%s records: %j', async (record, only) => {
  const expected = { answers: { only, contains: only } };
  const { verdict } = await look('www.test', { record, expect: expected });
  expect(verdict).toEqual({ status: 'up' });
});

test.each([
  ['NS', 'ns1.example.test', 'in whichever case a server spells it'],
  ['NS', 'NS1.example.test.', 'with the dot of a zone file'],
  ['MX', '10  MAIL.test.', 'both, with a preference'],
  ['AAAA', '2001:DB8:0:0::1', 'an address, however it is written'],
])('%s %s: what means the same is the same, %s', async (record, written) => {
  const expected = { answers: { only: [written], contains: [written] } };
  const { verdict } = await look('www.test', { record, expect: expected });
  expect(verdict).toEqual({ status: 'up' });
});

test('TXT is compared to the letter', async () => {
  const expected = { answers: { contains: ['Hello'] } };
  const { verdict } = await look('www.test', { record: 'TXT', expect: expected });
  expect(verdict).toMatchObject({ error: 'dns_mismatch' });
});

test('an answer too long for UDP is asked for again over TCP', async () => {
  expect((await look('long.test')).verdict).toEqual({ status: 'up' });
});

test('a record that should not be there', async () => {
  const { verdict } = await look('www.test', { expect: { answers: { only: ['192.0.2.1'] } } });
  expect(verdict).toMatchObject({ error: 'dns_mismatch' });
});

test('a name that must not exist', async () => {
  const absent = { expect: { absent: true } };
  expect((await look('gone.test', absent)).verdict).toEqual({ status: 'up' });
  expect((await look('www.test', absent)).verdict).toMatchObject({ error: 'dns_mismatch' });
  expect((await look('broken.test', absent)).verdict).toMatchObject({ error: 'dns_servfail' });
});
