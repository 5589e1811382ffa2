import { globSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { z } from 'zod';
import { isMap, type ConfigurationReading, type Section } from '../configuration.ts';
import {
  checkListSchema,
  defaultsOfAnyVersion,
  fleetKeys,
  fleetShape,
  includedShape,
  notBuiltFleetKeys,
} from './schema.ts';

export type Defaults = NonNullable<z.output<typeof fleetShape.defaults>>;

/** The file a fleet is in. */
export interface FleetSource {
  readonly file: string;
  readonly top: Section;
  /** Whether keys this program does not know are mistakes, or a newer program's business. */
  readonly unknownKeys: 'refuse' | 'ignore';
}

/** What one file gives to the fleet. */
export interface Part {
  /** Everything but the checks, substituted. */
  readonly head: Section;
  /** Undefined where there are none, or they have mistakes. */
  readonly defaults: Defaults | undefined;
  /** As they stand, nothing substituted. */
  readonly checks: readonly Section[];
}

type Shape = typeof fleetShape | typeof includedShape;

/** The file itself and those it includes, each once, in the order of its patterns and their names. */
export function readParts(reading: ConfigurationReading, source: FleetSource): readonly Part[] {
  const { top, unknownKeys } = source;
  const fleet = reading.pick(top, (key) => fleetKeys.includes(key));
  const main = readPart(reading, fleet, { shape: fleetShape, unknownKeys });
  const included = includedFiles(reading, source.file, main.head).flatMap((file) => {
    const section = reading.open(file);
    if (section === undefined) return [];
    return [readPart(reading, section, { shape: includedShape, unknownKeys })];
  });
  return [main, ...included];
}

/** Of a list that may hold anything, while the schema says what is wrong with it. */
export function strings(list: unknown): readonly string[] {
  return Array.isArray(list) ? list.filter((item) => typeof item === 'string') : [];
}

function includedFiles(
  reading: ConfigurationReading,
  file: string,
  head: Section,
): readonly string[] {
  const folder = dirname(file);
  const files = strings(head['include']).flatMap((pattern, index) => {
    const found = globSync(pattern, { cwd: folder }).toSorted();
    if (found.length === 0 && reading.isKnown(head, ['include', index])) {
      reading.mistake(head, ['include', index], 'there is no such file');
    }
    return found.map((name) => resolve(folder, name));
  });
  return [...new Set(files)].filter((included) => included !== resolve(file));
}

function readPart(
  reading: ConfigurationReading,
  section: Section,
  { shape, unknownKeys }: { readonly shape: Shape; readonly unknownKeys: 'refuse' | 'ignore' },
): Part {
  const isOurs = (key: string): boolean =>
    Object.hasOwn(shape, key) || notBuiltFleetKeys.includes(key);
  const isWanted = unknownKeys === 'ignore' ? isOurs : (key: string) => key !== 'checks';
  const head = reading.substitute(reading.pick(section, isWanted));
  const { sound } = reading.validateKeys(
    unknownKeys === 'ignore' ? { ...shape, defaults: defaultsOfAnyVersion } : shape,
    head,
    { alsoKnown: ['checks'], notBuilt: notBuiltFleetKeys },
  );
  reading.validate(checkListSchema, section);
  const checks = Array.isArray(section['checks']) ? section['checks'] : [];
  return { head, defaults: sound.defaults, checks: checks.filter(isMap) };
}
