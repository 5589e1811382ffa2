import { createHash } from 'node:crypto';
import type { z } from 'zod';
import {
  suggestion,
  type ConfigurationReading,
  type Section,
  type Validated,
} from './configuration.ts';
import { cronGapMs } from './cron.ts';
import { readParts, strings, type Defaults, type FleetSource, type Part } from './fleet/parts.ts';
import { checkShape, notBuiltTypes } from './fleet/schema.ts';

/** When a check runs. */
export type Schedule =
  | { readonly everyMs: number }
  | { readonly cron: string; readonly timezone: string | undefined };

/** What every process knows of a check, whatever its type. */
export interface FleetCheck {
  readonly name: string;
  readonly type: string;
  readonly service: string;
  /** As written: at least one, none twice. */
  readonly targets: readonly string[];
  readonly schedule: Schedule;
  /** Deadline of a whole run; never longer than the time between two runs. */
  readonly timeoutMs: number;
  /** Where it runs, in the fleet's order. */
  readonly regions: readonly string[];
  /** Only these agents run it; undefined: all agents of its regions. */
  readonly agents: readonly string[] | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

/** What is the same everywhere: on every agent and on the collector. */
export interface Fleet {
  readonly regions: readonly string[];
  readonly checks: readonly FleetCheck[];
  /** Twelve hexadecimal digits; equal where two processes read the same fleet. */
  readonly hash: string;
}

/** A check as it was read; mistakes are noted, and what is sound is there beside them. */
export interface ReadCheck {
  /** As it stands in its file, nothing substituted. */
  readonly section: Section;
  /** The keys every check has, substituted. */
  readonly common: Section;
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** Undefined where a common key has a mistake or is not known. */
  readonly check: FleetCheck | undefined;
}

export interface ReadFleet {
  readonly fleet: Fleet;
  readonly checks: readonly ReadCheck[];
}

type CheckKeys = z.output<z.ZodObject<typeof checkShape>>;

const everyMsDefault = 60_000;
const timeoutMsDefault = 10_000;

/**
 * Reads the fleet of a file, noting every mistake in what is common to all checks. References are
 * resolved only there, so that a collector needs none of the secrets that checks have in keys of
 * their own.
 */
export function readFleet(reading: ConfigurationReading, source: FleetSource): ReadFleet {
  const parts = readParts(reading, source);
  const regions = readRegions(reading, parts);
  const scope = { reading, regions, defaults: readDefaults(reading, parts, regions) };
  const sections = parts.flatMap((part) => part.checks);
  refuseSameNames(reading, sections);
  const checks = sections.map((section) => readCheck(section, scope));
  const known = checks.flatMap(({ check }) => check ?? []);
  return { fleet: { regions, checks: known, hash: hash(regions, known) }, checks };
}

/** Regions are taken as they are even beside mistakes in the head, so that checks can be judged by them. */
function readRegions(reading: ConfigurationReading, parts: readonly Part[]): readonly string[] {
  const part = onlyPartWith(reading, parts, 'regions');
  if (part === undefined) {
    const top = parts[0]?.head ?? {};
    reading.mistake(top, ['regions'], 'missing; list every region, for example [eu-west, us-east]');
    return [];
  }
  const regions = strings(part.head['regions']);
  refuseRepetition({ reading, section: part.head, path: ['regions'] }, regions);
  return regions;
}

/** Undefined where they have mistakes: nothing that depends on them can be judged. */
function readDefaults(
  reading: ConfigurationReading,
  parts: readonly Part[],
  regions: readonly string[],
): Defaults | undefined {
  const part = onlyPartWith(reading, parts, 'defaults');
  if (part === undefined) return {};
  const { defaults } = part;
  if (defaults === undefined) return undefined;
  const place = { reading, section: part.head, path: ['defaults'] };
  refuseUnknownRegions(place, defaults.regions, regions);
  if (defaults.every !== undefined && defaults.cron !== undefined) {
    reading.mistake(part.head, ['defaults', 'cron'], 'give every or cron, not both');
  }
  return defaults;
}

function onlyPartWith(
  reading: ConfigurationReading,
  parts: readonly Part[],
  key: string,
): Part | undefined {
  const [first, ...others] = parts.filter(({ head }) => Object.hasOwn(head, key));
  if (first === undefined) return undefined;
  for (const other of others) {
    reading.mistake(other.head, [key], `already given at ${reading.where(first.head, [key])}`);
  }
  return first;
}

function refuseSameNames(reading: ConfigurationReading, sections: readonly Section[]): void {
  const first = new Map<unknown, Section>();
  for (const section of sections) {
    const { name } = section;
    const earlier = first.get(name);
    if (earlier === undefined) first.set(name, section);
    else if (name !== undefined) {
      const where = reading.where(earlier, ['name']);
      reading.mistake(section, ['name'], `another check has this name, at ${where}`);
    }
  }
}

interface Scope {
  readonly reading: ConfigurationReading;
  readonly regions: readonly string[];
  readonly defaults: Defaults | undefined;
}

function readCheck(section: Section, scope: Scope): ReadCheck {
  const { reading } = scope;
  const common = reading.substitute(reading.pick(section, (key) => Object.hasOwn(checkShape, key)));
  if (notBuiltTypes.includes(String(section['type']))) {
    reading.mistake(section, ['type'], 'not built yet in this version; remove the check');
    return { section, common, targets: [], labels: {}, check: undefined };
  }
  const { all, sound } = reading.validateKeys(checkShape, common);
  const place = { reading, section: common, path: [] };
  const targets = readTargets(place, sound);
  const labels = { ...scope.defaults?.labels, ...sound.labels };
  refuseUnknownRegions(place, sound.regions, scope.regions);
  const check = completeCheck(place, { all, sound, targets, labels }, scope);
  return { section, common, targets, labels, check };
}

/** What a check is, with everything it does not say taken from the defaults. */
function completeCheck(
  place: Place,
  {
    all: keys,
    sound,
    targets,
    labels,
  }: Validated<typeof checkShape> & Pick<ReadCheck, 'targets' | 'labels'>,
  { reading, regions, defaults }: Scope,
): FleetCheck | undefined {
  if (defaults === undefined) return undefined;
  const service = sound.service ?? defaults.service;
  if (service === undefined && !Object.hasOwn(place.section, 'service')) {
    const message = 'missing; say what the target belongs to, here or in defaults';
    reading.mistake(place.section, ['service'], message);
  }
  if (keys === undefined || service === undefined) return undefined;
  const schedule = readSchedule(place, keys, defaults);
  const wanted = keys.regions ?? defaults.regions ?? regions;
  return {
    name: keys.name,
    type: keys.type,
    service,
    targets,
    schedule,
    timeoutMs: readTimeout(place, { keys, defaults, schedule }),
    regions: regions.filter((region) => wanted.includes(region)),
    agents: keys.agents ?? defaults.agents,
    labels,
  };
}

/** A part of a section, to note mistakes at. */
interface Place {
  readonly reading: ConfigurationReading;
  readonly section: Section;
  readonly path: readonly string[];
}

function readTargets(place: Place, { target, targets }: Partial<CheckKeys>): readonly string[] {
  const { reading, section } = place;
  if (target !== undefined && targets !== undefined) {
    reading.mistake(section, ['targets'], 'give target or targets, not both');
  }
  if (!Object.hasOwn(section, 'target') && !Object.hasOwn(section, 'targets')) {
    reading.mistake(section, ['target'], 'missing; give target, or targets with a list');
  }
  refuseRepetition({ ...place, path: ['targets'] }, targets ?? []);
  return targets ?? (target === undefined ? [] : [target]);
}

function readSchedule({ reading, section }: Place, keys: CheckKeys, defaults: Defaults): Schedule {
  const own = keys.every !== undefined || keys.cron !== undefined;
  const { every, cron } = own ? keys : defaults;
  const timezone = keys.timezone ?? defaults.timezone;
  if (keys.every !== undefined && keys.cron !== undefined) {
    reading.mistake(section, ['cron'], 'give every or cron, not both');
  }
  if (keys.timezone !== undefined && cron === undefined) {
    reading.mistake(section, ['timezone'], 'has a meaning only with cron');
  }
  return cron === undefined ? { everyMs: every ?? everyMsDefault } : { cron, timezone };
}

function readTimeout(
  { reading, section }: Place,
  {
    keys,
    defaults,
    schedule,
  }: { readonly keys: CheckKeys; readonly defaults: Defaults; readonly schedule: Schedule },
): number {
  const intervalMs = 'cron' in schedule ? cronGapMs(schedule.cron) : schedule.everyMs;
  const own = typeof keys.timeout === 'object' ? keys.timeout.total : keys.timeout;
  const timeoutMs = own ?? defaults.timeout ?? Math.min(timeoutMsDefault, intervalMs);
  if (timeoutMs > intervalMs) {
    const path = own === undefined ? [] : ['timeout'];
    const from = own === undefined ? 'the timeout from defaults' : 'the timeout';
    const times = `${timeoutMs / 1000}s against ${intervalMs / 1000}s`;
    reading.mistake(section, path, `${from} is longer than the time between two runs: ${times}`);
  }
  return timeoutMs;
}

function refuseUnknownRegions(
  { reading, section, path }: Place,
  written: readonly string[] = [],
  known: readonly string[],
): void {
  refuseRepetition({ reading, section, path: [...path, 'regions'] }, written);
  for (const [index, region] of written.entries()) {
    const at = [...path, 'regions', index];
    if (known.length === 0 || known.includes(region) || !reading.isKnown(section, at)) continue;
    reading.mistake(section, at, `no such region in regions${suggestion(region, known)}`);
  }
}

function refuseRepetition({ reading, section, path }: Place, values: readonly unknown[]): void {
  const seen = new Set<unknown>();
  for (const [index, value] of values.entries()) {
    if (seen.has(value)) reading.mistake(section, [...path, index], 'given twice in this list');
    seen.add(value);
  }
}

function hash(regions: readonly string[], checks: readonly FleetCheck[]): string {
  return createHash('sha256')
    .update(JSON.stringify({ regions, checks }))
    .digest('hex')
    .slice(0, 12);
}
