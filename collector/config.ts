import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import {
  ConfigurationReading,
  suggestion,
  type References,
  type Section,
} from '#lib/configuration';
import { readFleet, type Fleet } from '#lib/fleet';
import type { LogLevel } from '#lib/log';
import { isLoopback } from '#lib/loopback';
import { collectorShape, notBuiltKeys, type Address, type Scope } from './config/schema.ts';
import { readSinks, type SinkConfiguration } from './config/sinks.ts';
import { sinkTypes } from './sinks/registry.ts';
import type { SinkType } from './sinks/sink.ts';

export { type SinkConfiguration } from './config/sinks.ts';

type CollectorKeys = z.output<z.ZodObject<typeof collectorShape>>;

/** Who may post, and for whom it may speak. */
export interface KeyConfiguration {
  readonly id: string;
  /** Lower-case hexadecimal, of the secret after the dot. */
  readonly sha256: string;
  /** Empty for a key that is bound to no agent. */
  readonly agents: readonly string[];
  readonly regions: readonly string[];
  readonly scopes: readonly Scope[];
  readonly expiresUnixMs: number | undefined;
}

/** Everything a collector is told. */
export interface CollectorConfiguration {
  /** Undefined: the host's name is to be used. */
  readonly name: string | undefined;
  readonly listen: Address;
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
    /** Different series one key may have at a time, and requests it may have in work. */
    readonly seriesMax: number;
    readonly requestsMax: number;
  };
  readonly keys: readonly KeyConfiguration[];
  /** At least one: history where none is configured. */
  readonly sinks: readonly SinkConfiguration[];
  /** Undefined where the collector is told of none. */
  readonly fleet: Fleet | undefined;
  readonly log: { readonly level: LogLevel };
}

/** What a file means, for a person; with references unresolved it may not be known in full. */
export interface CollectorExamination {
  /** Keys of the file itself that are known. */
  readonly keys: Partial<CollectorKeys>;
  readonly sinks: readonly SinkConfiguration[];
  readonly fleet: Fleet | undefined;
}

/** Reads a collector's file. Throws a ConfigurationError with every mistake at once. */
export function loadCollectorConfiguration(
  file: string,
  references: References,
  types: readonly SinkType[] = sinkTypes,
): CollectorConfiguration {
  const { reading, all, sinks, fleet } = readCollectorFile(file, references, types);
  if (all === undefined || reading.failed) return reading.fail();
  const { limits } = all;
  return {
    name: all.name,
    listen: all.listen,
    tls: all.tls,
    dataDirectory: all.data,
    limits: {
      bodyBytesMax: limits.body,
      inflatedBytesMax: limits.inflated,
      futureMsMax: limits.future,
      labelsMax: limits.labels,
      seriesMax: limits.series,
      requestsMax: limits.requests,
    },
    keys: all.keys.map(({ expires, ...key }) => ({ ...key, expiresUnixMs: expires })),
    sinks,
    fleet,
    log: all.log,
  };
}

/** Mistakes as in loading, and what the file means. */
export function examineCollectorConfiguration(
  file: string,
  references: References,
  types: readonly SinkType[] = sinkTypes,
): CollectorExamination {
  const { reading, keys, sinks, fleet } = readCollectorFile(file, references, types);
  return reading.failed ? reading.fail() : { keys, sinks, fleet };
}

interface CollectorFile extends CollectorExamination {
  readonly reading: ConfigurationReading;
  /** Undefined where it has mistakes, or depends on references that are not resolved. */
  readonly all: CollectorKeys | undefined;
}

const versionSchema = z.looseObject({ version: collectorShape.version });

function readCollectorFile(
  file: string,
  references: References,
  types: readonly SinkType[],
): CollectorFile {
  const reading = new ConfigurationReading(references);
  const top = reading.substitute(reading.open(file) ?? reading.fail());
  const own = reading.pick(top, (key) => key !== 'sinks');
  const { all, sound: keys } = reading.validateKeys(collectorShape, own, {
    alsoKnown: ['sinks'],
    notBuilt: notBuiltKeys,
  });
  const sinks = readSinks(reading, top, types);
  const fleet = readFleetFile(reading, own, { file, written: keys.fleet?.file });
  checkListener(reading, own, keys);
  if (keys.keys !== undefined) {
    refuseSameIds(reading, own, keys.keys);
    refuseMissingRegions(reading, own, keys.keys);
    if (fleet !== undefined) checkIdentities(reading, own, { keys: keys.keys, fleet });
  }
  return { reading, all, keys, sinks, fleet };
}

function readFleetFile(
  reading: ConfigurationReading,
  own: Section,
  { file, written }: { readonly file: string; readonly written: string | undefined },
): Fleet | undefined {
  if (written === undefined || !reading.isKnown(own, ['fleet', 'file'])) return undefined;
  const path = resolve(dirname(file), written);
  const top = reading.open(path);
  if (top === undefined) return undefined;
  reading.validate(versionSchema, top);
  return readFleet(reading, { file: path, top, unknownKeys: 'ignore' }).fleet;
}

function checkListener(
  reading: ConfigurationReading,
  own: Section,
  { listen, tls, insecure }: Partial<CollectorKeys>,
): void {
  if (listen === undefined || isLoopback(listen.host)) return;
  if (tls !== undefined || insecure !== false || Object.hasOwn(own, 'tls')) return;
  reading.mistake(
    own,
    ['listen'],
    'keys would cross the network in plain text; give tls, or insecure: true behind a proxy that has it',
  );
}

function refuseSameIds(
  reading: ConfigurationReading,
  own: Section,
  keys: CollectorKeys['keys'],
): void {
  const ids = keys.map(({ id }) => id);
  for (const [index, id] of ids.entries()) {
    if (ids.indexOf(id) === index) continue;
    reading.mistake(own, ['keys', index, 'id'], 'another key has this id');
  }
}

/** An agent always names its region, so that a key without any would refuse all of its results. */
function refuseMissingRegions(
  reading: ConfigurationReading,
  own: Section,
  keys: CollectorKeys['keys'],
): void {
  for (const [index, { agents, regions }] of keys.entries()) {
    if (agents.length === 0 || regions.length > 0) continue;
    reading.mistake(own, ['keys', index], 'give regions too: those its agents report for');
  }
}

/** The collector knows regions from the fleet and agents from the keys: each must know the other's. */
function checkIdentities(
  reading: ConfigurationReading,
  own: Section,
  { keys, fleet }: { readonly keys: CollectorKeys['keys']; readonly fleet: Fleet },
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
