import { BlockList, isIP } from 'node:net';
import { z } from 'zod';
import { Failure } from './failure.ts';

/** Never probed unless `allow` says so: link-local addresses and the metadata services of clouds. */
const alwaysDenied = [
  '169.254.0.0/16',
  'fe80::/10',
  'fd00:ec2::254/128',
  'fd20:ce::254/128',
  '100.100.100.200/32',
  '168.63.129.16/32',
  '192.0.0.192/32',
];

const network = z
  .string()
  .refine(isNetwork, 'expected an address or a network such as 10.0.0.0/8 or fd00::/8')
  .describe('An address or a network in CIDR form');

const ports = z
  .array(
    z
      .union([z.int().min(1).max(65_535), z.string().refine(isPortRange, 'expected 8000-8999')])
      .describe('A port or a range such as 8000-8999'),
  )
  .min(1);

const rule = z.union([
  network,
  z.strictObject({ network: network.optional(), ports: ports.optional() }),
]);

/** The `egress` key of an agent: where its checks may connect to. */
export const egressSettings = z
  .strictObject({
    allow: z
      .array(rule)
      .default([])
      .describe('Allowed even where `deny` or the defaults forbid it'),
    deny: z
      .array(rule)
      .default([])
      .describe(
        'Denied; link-local addresses and cloud metadata services always are, unless allowed',
      ),
  })
  .describe('Where checks may connect to; first match of allow, then deny; else allowed');

export type EgressSettings = z.output<typeof egressSettings>;
type Rule = z.output<typeof rule>;

/**
 * Decides for an address and port, at the moment of connecting; `undefined` is a yes. Port 0 stands
 * for what has none, and no rule with ports is about it.
 */
export type EgressPolicy = (address: string, port: number) => Failure | undefined;

/** Compiles the policy. IPv4 addresses inside IPv6 ones (mapped, NAT64, 6to4) are judged as both. */
export function createEgressPolicy(settings: EgressSettings): EgressPolicy {
  const allow = settings.allow.map(compile);
  const deny = [...settings.deny.map(compile), matchesAny(alwaysDenied)];
  return (address, port) => {
    const forms = [address.replace(/%.*/, ''), ...embeddedIPv4(address)];
    for (const form of forms) {
      if (allow.some((matches) => matches(form, port))) continue;
      if (deny.some((matches) => matches(form, port))) {
        return Failure.unknown(
          'egress_denied',
          `the agent's egress policy denies ${address}${port === 0 ? '' : ` port ${port}`}; agent.egress.allow can permit it`,
        );
      }
    }
    return undefined;
  };
}

/** What holds where no policy is configured. */
export const defaultEgress: EgressPolicy = createEgressPolicy({ allow: [], deny: [] });

function compile(entry: Rule): (address: string, port: number) => boolean {
  const { network: range, ports: allowed } =
    typeof entry === 'string' ? { network: entry, ports: undefined } : entry;
  const matchesNetwork = range === undefined ? () => true : matchesAny([range]);
  const ranges = allowed?.map(portRange);
  return (address, port) =>
    matchesNetwork(address) &&
    (!ranges || ranges.some(([low, high]) => low <= port && port <= high));
}

function matchesAny(networks: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const range of networks) {
    const [address = '', bits] = range.split('/');
    if (bits === undefined) list.addAddress(address, familyOf(address));
    else list.addSubnet(address, Number(bits), familyOf(address));
  }
  return (address) => list.check(address, familyOf(address));
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}

function portRange(entry: number | string): readonly [number, number] {
  if (typeof entry === 'number') return [entry, entry];
  const [low = 0, high = 0] = entry.split('-').map(Number);
  return [low, high];
}

function isPortRange(text: string): boolean {
  const [low, high] = portRange(text);
  return /^\d{1,5}-\d{1,5}$/.test(text) && low <= high && high <= 65_535;
}

function isNetwork(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return (
    bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128))
  );
}

/** ::ffff:0:0/96 and ::/96 (RFC 4291), 64:ff9b::/96 (RFC 6052), 2002::/16 (RFC 3056). */
function embeddedIPv4(address: string): string[] {
  const groups = expandIPv6(address);
  if (groups === undefined) return [];
  const [first = 0, second = 0, third = 0] = groups;
  if (first === 0x2002) return [dotted(second, third)];
  const prefix = groups
    .slice(0, 6)
    .map((group) => group.toString(16))
    .join(':');
  const [high = 0, low = 0] = groups.slice(6);
  const carriers = ['0:0:0:0:0:ffff', '0:0:0:0:0:0', '64:ff9b:0:0:0:0'];
  return carriers.includes(prefix) ? [dotted(high, low)] : [];
}

function expandIPv6(address: string): number[] | undefined {
  if (isIP(address) !== 6) return undefined;
  const canonical = new URL(`http://[${address.replace(/%.*/, '')}]/`).hostname.slice(1, -1);
  const [head = '', tail] = canonical.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0');
  return [...left, ...zeros, ...right].map((group) => Number.parseInt(group, 16));
}

function dotted(high: number, low: number): string {
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.');
}
