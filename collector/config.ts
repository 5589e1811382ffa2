import { isIP } from 'node:net';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import {
  ConfigurationReading,
  isMap,
  suggestion,
  type References,
  type Section,
} from '#lib/configuration';
import { readFleet, type Fleet } from '#lib/fleet';
import { logLevels, type LogLevel } from '#lib/log';
import { duration, labels, line, name, size } from '#lib/scalars';
import { sinkTypes } from './sinks/registry.ts';
import { type SinkType } from './sinks/sink.ts';

/** Who may post, and for whom it may speak. */
export interface KeyConfiguration {
  readonly id: string;
  /** Lower-case hexadecimal, of the secret after the dot. */
  readonly sha256: string;
  /** Empty for a key that is bound to no agent. */
  readonly agents: readonly string[];
  readonly regions: readonly string[];
  readonly expiresUnixMs: number | undefined;
}

export interface SinkConfiguration {
  readonly name: string;
  readonly type: string;
  /** What may wait for it: beyond that the oldest is dropped, unless it is required. */
  readonly queue: {
    readonly bytesMax: number;
    readonly ageMaxMs: number;
    readonly required: boolean;
  };
  readonly labels: Readonly<Record<string, string>>;
  /** What the sink type's own schema made of its keys. */
  readonly settings: unknown;
}

/** Everything a collector is told. */
export interface CollectorConfiguration {
  readonly listen: { readonly host: string; readonly port: number };
  /** Paths of PEM files; undefined: plain HTTP. */
  readonly tls: { readonly certificate: string; readonly key: string } | undefined;
  readonly dataDirectory: string;
  readonly limits: {
    /** Of a request as it arrives, and after decompression. */
    readonly bodyBytesMax: number;
    readonly inflatedBytesMax: number;
    /** How far ahead of this clock a point may be. */
    readonly futureMsMax: number;
    /** Attributes of one point. */
    readonly labelsMax: number;
  };
  readonly keys: readonly KeyConfiguration[];
  /** At least one: history where none is configured. */
  readonly sinks: readonly SinkConfiguration[];
  /** Undefined where the collector is told of none. */
  readonly fleet: Fleet | undefined;
  readonly log: { readonly level: LogLevel };
}

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
  expires: z
    .string()
    .transform(toUnixMs)
    .refine(
      (time) => !Number.isNaN(time),
      'expected a date such as 2027-06-30, or a time in RFC 3339',
    )
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
      size: size.prefault('20GiB').describe('What may wait for this sink, in bytes…'),
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

export const collectorShape = {
  version: z.literal(1, 'expected version: 1'),
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
    })
    .prefault({}),
  keys: z.array(keySchema).min(1).describe('Printed by farpoint key new'),
  log: z
    .strictObject({ level: z.enum(logLevels).default('info') })
    .prefault({})
    .describe('What is logged, as JSON lines on standard output'),
};
const collectorSchema = z.strictObject(collectorShape);
const sinkSchema = z.object(sinkShape);
const sinkListSchema = z.looseObject({ sinks: z.array(z.looseObject({})).optional() });
const notBuilt = [
  'evaluate',
  'page',
  'events',
  'verdict',
  'heartbeats',
  'limits.series',
  'limits.requests',
  'keys.*.scopes',
];
const notBuiltTypes = ['influxdb', 'otlp', 'rabbitmq', 'file', 'webhook'];

/** Reads a collector's file. Throws a ConfigurationError with every mistake at once. */
export function loadCollectorConfiguration(
  file: string,
  references: References,
  types: readonly SinkType[] = sinkTypes,
): CollectorConfiguration {
  const reading = new ConfigurationReading(references);
  const top = reading.substitute(reading.open(file) ?? reading.fail());
  const own = reading.pick(top, (key) => key !== 'sinks');
  const process = reading.validate(collectorSchema, own, { alsoKnown: ['sinks'], notBuilt });
  const sinks = readSinks(reading, top, types);
  const fleet = process?.fleet && readFleetFile(reading, file, process.fleet.file);
  if (process !== undefined) checkCollector(reading, own, { process, fleet });
  if (process === undefined || reading.failed) return reading.fail();
  const { limits } = process;
  return {
    listen: process.listen,
    tls: process.tls,
    dataDirectory: process.data,
    limits: {
      bodyBytesMax: limits.body,
      inflatedBytesMax: limits.inflated,
      futureMsMax: limits.future,
      labelsMax: limits.labels,
    },
    keys: process.keys.map(({ expires, ...key }) => ({ ...key, expiresUnixMs: expires })),
    sinks,
    fleet,
    log: process.log,
  };
}

/** `host:port`, `[v6]:port`; undefined where the text is neither. */
function toAddress(text: string): CollectorConfiguration['listen'] | undefined {
  const match = /^(?:\[(?<bracketed>[^\]]+)\]|(?<plain>[^:[\]]+)):(?<port>\d{1,5})$/.exec(text);
  const { bracketed, plain, port } = match?.groups ?? {};
  const host = bracketed ?? plain;
  if (host === undefined || Number(port) > 65_535) return undefined;
  if (bracketed !== undefined && isIP(bracketed) !== 6) return undefined;
  return { host, port: Number(port) };
}

function toUnixMs(text: string): number {
  if (/^\d{4}-\d{2}-\d{2}$/.test(text)) return Date.parse(`${text}T23:59:59.999Z`);
  const isTime = /^\d{4}-\d{2}-\d{2}T[\d:.]+(?:Z|[+-]\d{2}:\d{2})$/.test(text);
  return isTime ? Date.parse(text) : Number.NaN;
}

/** The sinks in their order; history, where none is configured, so that the collector works at once. */
function readSinks(
  reading: ConfigurationReading,
  top: Section,
  types: readonly SinkType[],
): readonly SinkConfiguration[] {
  reading.validate(
    sinkListSchema,
    reading.pick(top, (key) => key === 'sinks'),
  );
  const written = Array.isArray(top['sinks']) ? top['sinks'].filter(isMap) : [];
  const names = new Set<unknown>();
  for (const sink of written) {
    if (names.has(sink['name'])) reading.mistake(sink, ['name'], 'another sink has this name');
    names.add(sink['name']);
  }
  if (written.length === 0) {
    const history = types.find(({ type }) => type === 'history');
    return history === undefined ? [] : [historyByDefault(history)];
  }
  return written.flatMap((sink) => readSink(reading, sink, types) ?? []);
}

function historyByDefault({ type, settings }: SinkType): SinkConfiguration {
  const { name, labels, queue } = sinkSchema.parse({ name: type, type });
  return { name, type, labels, queue: toBounds(queue), settings: settings.parse({}) };
}

function readSink(
  reading: ConfigurationReading,
  section: Section,
  types: readonly SinkType[],
): SinkConfiguration | undefined {
  const common = reading.validate(sinkSchema, section);
  const written = section['type'];
  if (typeof written !== 'string') return undefined;
  const type = types.find((candidate) => candidate.type === written);
  if (type === undefined) {
    const names = types.map((candidate) => candidate.type);
    const message = notBuiltTypes.includes(written)
      ? `${written}: not built yet in this version; remove the sink`
      : `no such type of sink${suggestion(written, names)}; there are ${names.join(', ')}`;
    reading.mistake(section, ['type'], message);
    return undefined;
  }
  const keys = reading.pick(section, (key) => !Object.hasOwn(sinkShape, key));
  const settings = reading.validate(type.settings.strict(), keys, {
    alsoKnown: Object.keys(sinkShape),
    notBuilt: ['only', ...(type.notBuilt ?? [])],
  });
  if (common === undefined) return undefined;
  const { name, labels, queue } = common;
  return { name, type: written, labels, queue: toBounds(queue), settings };
}

function toBounds({
  size,
  age,
  required,
}: z.output<typeof sinkShape.queue>): SinkConfiguration['queue'] {
  return { bytesMax: size, ageMaxMs: age, required };
}

function readFleetFile(
  reading: ConfigurationReading,
  file: string,
  written: string,
): Fleet | undefined {
  const path = resolve(dirname(file), written);
  const top = reading.open(path);
  return top && readFleet(reading, path, top).fleet;
}

/** What must fit together. */
function checkCollector(
  reading: ConfigurationReading,
  own: Section,
  {
    process,
    fleet,
  }: {
    readonly process: z.output<typeof collectorSchema>;
    readonly fleet: Fleet | undefined;
  },
): void {
  const { listen, tls, insecure, keys } = process;
  if (tls === undefined && !insecure && !isLoopback(listen.host)) {
    reading.mistake(
      own,
      ['listen'],
      'keys would cross the network in plain text; give tls, or insecure: true behind a proxy that has it',
    );
  }
  const ids = keys.map(({ id }) => id);
  for (const [index, id] of ids.entries()) {
    if (ids.indexOf(id) < index) {
      reading.mistake(own, ['keys', index, 'id'], 'another key has this id');
    }
  }
  if (fleet !== undefined) checkKeys(reading, own, { keys, fleet });
}

/** The collector knows regions from the fleet and agents from the keys: each must know the other's. */
function checkKeys(
  reading: ConfigurationReading,
  own: Section,
  { keys, fleet }: { readonly keys: z.output<typeof collectorShape.keys>; readonly fleet: Fleet },
): void {
  for (const [index, { regions }] of keys.entries()) {
    for (const [position, region] of regions.entries()) {
      if (fleet.regions.includes(region)) continue;
      const hint = suggestion(region, fleet.regions);
      reading.mistake(
        own,
        ['keys', index, 'regions', position],
        `no such region in the fleet${hint}`,
      );
    }
  }
  const agents = keys.flatMap((key) => key.agents);
  const pins = fleet.checks.flatMap((check) =>
    (check.agents ?? []).map((agent) => ({ check, agent })),
  );
  for (const { check, agent } of pins) {
    if (agents.includes(agent)) continue;
    const hint = suggestion(agent, agents);
    reading.mistake(
      own,
      ['keys'],
      `no key is for agent ${agent}, which runs check ${check.name}${hint}`,
    );
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}
