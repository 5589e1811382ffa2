import { isIP } from 'node:net';
import { z } from 'zod';
import { logLevels } from '#lib/log';
import { duration, labels, line, name, size, version } from '#lib/scalars';

/** Where to listen. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** What a key may do beside posting for its agents. */
export const scopes = ['read'] as const;
export type Scope = (typeof scopes)[number];

const expiryExpected = 'expected a date such as 2027-06-30, or a time in RFC 3339';

const keySchema = z.strictObject({
  id: z
    .string()
    .regex(/^[\w-]{1,64}$/, 'expected letters, digits, _ and -')
    .describe('What comes before the dot'),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'expected the 64 hexadecimal digits that farpoint key new printed')
    .describe('SHA-256 of the secret after the dot'),
  agents: z.array(name).default([]).describe('Agents that may use it'),
  regions: z.array(name).default([]).describe('Regions they may report for'),
  scopes: z
    .array(z.enum(scopes, 'expected read; relay and heartbeats are not built yet in this version'))
    .default([])
    .describe('What else it may do; read: ask for results'),
  expires: z
    .union([
      z.iso.date(expiryExpected).transform((day) => Date.parse(`${day}T23:59:59.999Z`)),
      z.iso.datetime({ offset: true, error: expiryExpected }).transform((time) => Date.parse(time)),
    ])
    .optional()
    .describe('When it stops being valid: the end of that day in UTC, or a time'),
});

/** Keys every sink has, whatever its type. */
export const sinkShape = {
  name: name.describe(
    'Unique; names its position in the queue, so renaming it starts from new data',
  ),
  type: line,
  labels: labels.default({}).describe('Added to all data where it has no label of that name'),
  queue: z
    .strictObject({
      size: size.prefault('20GiB').describe('What may wait for this sink, in bytes on disk…'),
      age: duration
        .prefault('14d')
        .describe('…and in time; beyond, the oldest is dropped and counted'),
      required: z
        .boolean()
        .default(false)
        .describe('Drop nothing: answer agents with 503 while this sink is too far behind'),
    })
    .prefault({}),
};

/** The keys of a collector beside its sinks. */
export const collectorShape = {
  version,
  name: name
    .optional()
    .describe("Label collector of its own metrics; the host's name when it is not given"),
  listen: line
    .transform(toAddress)
    .refine((address) => address !== undefined, 'expected an address such as 127.0.0.1:4318')
    .prefault('127.0.0.1:4318')
    .describe('Address and port; beyond loopback it needs tls, or insecure: true'),
  tls: z
    .strictObject({ certificate: line, key: line })
    .optional()
    .describe('Paths of a certificate chain and its private key, in PEM'),
  insecure: z
    .boolean()
    .default(false)
    .describe('Listen beyond loopback without TLS, for example behind a proxy that has it'),
  data: line
    .default('/var/lib/farpoint')
    .describe('Folder of the queue, the history and dead letters; locked by one process'),
  fleet: z
    .strictObject({ file: line })
    .optional()
    .describe("The agents' file: its regions, defaults and checks are read, and nothing else"),
  limits: z
    .strictObject({
      body: size.prefault('16MiB').describe('Of a request as it arrives'),
      inflated: size.prefault('64MiB').describe('Of a request after decompression'),
      future: duration.prefault('1h').describe('How far ahead of the clock a point may be'),
      labels: z.int().min(1).default(32).describe('Attributes a point may have'),
      series: z.int().min(1).default(50_000).describe('Different series of one key, in an hour'),
      requests: z.int().min(1).default(50).describe('Requests of one key at the same time'),
    })
    .prefault({}),
  keys: z.array(keySchema).min(1).describe('Printed by farpoint key new'),
  log: z
    .strictObject({ level: z.enum(logLevels).default('info') })
    .prefault({})
    .describe('What is logged, as JSON lines on standard output'),
};

/** That there is a list of maps; what is in them depends on their type. */
export const sinkListSchema = z.looseObject({ sinks: z.array(z.looseObject({})).optional() });

/** Keys a later version will have: refused by name until then. */
export const notBuiltKeys: readonly string[] = [
  'evaluate',
  'page',
  'events',
  'verdict',
  'heartbeats',
];
export const notBuiltSinkTypes: readonly string[] = [
  'influxdb',
  'otlp',
  'rabbitmq',
  'file',
  'webhook',
];

/** `host:port`, `[v6]:port`; undefined where the text is neither. */
function toAddress(text: string): Address | undefined {
  const match = /^(?:\[(?<bracketed>[^\]]+)\]|(?<plain>[^:[\]]+)):(?<port>\d{1,5})$/.exec(text);
  const { bracketed, plain, port } = match?.groups ?? {};
  const host = bracketed ?? plain;
  if (host === undefined || Number(port) > 65_535) return undefined;
  if (bracketed !== undefined && isIP(bracketed) !== 6) return undefined;
  return { host, port: Number(port) };
}
