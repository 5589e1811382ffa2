import type { Resolver } from 'node:dns/promises';

/** Types of records that can be asked for. */
export const recordTypes = [
  'A',
  'AAAA',
  'CAA',
  'CNAME',
  'MX',
  'NS',
  'PTR',
  'SOA',
  'SRV',
  'TXT',
] as const;

export type RecordType = (typeof recordTypes)[number];

/** An answer: its records as a zone file has them, sorted. */
export interface Answer {
  readonly records: readonly string[];
  readonly ttlSeconds?: number;
  readonly serial?: number;
}

/** Asks for records of one type; rejects as the resolver does. */
export async function ask(resolver: Resolver, name: string, type: RecordType): Promise<Answer> {
  switch (type) {
    case 'A':
      return addresses(await resolver.resolve4(name, { ttl: true }));
    case 'AAAA':
      return addresses(await resolver.resolve6(name, { ttl: true }));
    case 'CNAME':
      return plain(await resolver.resolveCname(name));
    case 'NS':
      return plain(await resolver.resolveNs(name));
    case 'PTR':
      return plain(await resolver.resolvePtr(name));
    case 'TXT':
      return plain((await resolver.resolveTxt(name)).map((parts) => parts.join('')));
    case 'MX':
      return plain(
        (await resolver.resolveMx(name)).map(({ priority, exchange }) => `${priority} ${exchange}`),
      );
    case 'SRV':
      return plain(
        (await resolver.resolveSrv(name)).map(({ priority, weight, port, name: host }) =>
          [priority, weight, port, host].join(' '),
        ),
      );
    case 'CAA':
      return plain((await resolver.resolveCaa(name)).map(formatCaa));
    case 'SOA': {
      const soa = await resolver.resolveSoa(name);
      const { nsname, hostmaster, serial, refresh, retry, expire, minttl } = soa;
      return {
        records: [[nsname, hostmaster, serial, refresh, retry, expire, minttl].join(' ')],
        serial,
      };
    }
  }
}

/** Whether one of the records means the same: names in either case (RFC 4343), addresses in any spelling. */
export function isAmong(record: string, records: readonly string[], type: RecordType): boolean {
  const meaning = meaningOf(record, type);
  return records.some((other) => meaningOf(other, type) === meaning);
}

function meaningOf(record: string, type: RecordType): string {
  switch (type) {
    case 'A':
    case 'CAA':
    case 'TXT':
      return record;
    case 'AAAA':
      return URL.parse(`http://[${record}]/`)?.hostname ?? record;
    default:
      // A zone file ends names with a dot.
      return record
        .toLowerCase()
        .split(/\s+/)
        .map((word) => word.replace(/\.$/, ''))
        .join(' ');
  }
}

function plain(records: readonly string[]): Answer {
  return { records: records.toSorted() };
}

function addresses(answers: readonly { address: string; ttl: number }[]): Answer {
  return {
    records: answers.map(({ address }) => address).toSorted(),
    ttlSeconds: Math.min(...answers.map(({ ttl }) => ttl)),
  };
}

/** Node names the tag by the property that holds its value. */
function formatCaa({ critical, ...tags }: { critical: number } & object): string {
  return Object.entries(tags)
    .filter(([tag]) => tag !== 'type')
    .map(([tag, value]) => `${critical} ${tag} "${String(value)}"`)
    .join(' ');
}
