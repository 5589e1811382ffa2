import { z } from 'zod';
import { Secret } from './secret.ts';

const millisecondsByUnit = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  y: 31_536_000_000,
};
const bytesByUnit = {
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
};
const durationExpected = 'expected a duration such as 500ms, 30s, 5m, 1h or 7d';
const sizeExpected = 'expected a size such as 512B, 20KiB, 64MiB or 1GB';
const nameExpected =
  'expected a name of up to 63 letters, digits, dots, _ and -, starting with a letter or digit';

/** `30s`, `1.5h`, `7d`: a number and one unit (ms s m h d w y); becomes milliseconds. */
export const duration = z
  .string(durationExpected)
  .regex(/^\d+(\.\d+)?(ms|s|m|h|d|w|y)$/, durationExpected)
  .transform((text) => inUnits(text, millisecondsByUnit))
  .describe('A duration: a number with one of the units ms, s, m, h, d, w, y');

/** `64MiB`, `20KiB`, `1GB`: a number and one unit; becomes bytes. */
export const size = z
  .string(sizeExpected)
  .regex(/^\d+(\.\d+)?(B|KiB|MiB|GiB|TiB|kB|MB|GB|TB)$/, sizeExpected)
  .transform((text) => Math.round(inUnits(text, bytesByUnit)))
  .describe('A size: a number with one of the units B, KiB, MiB, GiB, TiB, kB, MB, GB, TB');

/** A string that no log, error or endpoint can print once it is read. */
export const secret = z
  .string()
  .min(1, 'expected a secret, got an empty string')
  .transform((text) => new Secret(text))
  .describe('A secret; best given as ${file:/run/secrets/name} or ${env:NAME}');

/** The version of the configuration's language that a file is written in. */
export const version = z
  .literal(1, 'this program reads version: 1')
  .describe("Of the configuration's language");

/** What checks, regions, agents and sinks are called: safe as a label, a file name and an argument. */
export const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, nameExpected)
  .describe('A name: letters, digits, dots, _ and -');

/** One line of text. */
export const line = z
  .string()
  .min(1, 'expected text, got an empty string')
  .refine((value) => !/\p{Cc}/u.test(value), 'expected one line without control characters');

/** Labels for every series, with Prometheus label names, less those that say who looked at what. */
export const labels = z
  .record(z.string().superRefine(refuseLabelName), line)
  .describe('Labels added to every series');

const identityLabels = [
  'job',
  'instance',
  'service',
  'check',
  'type',
  'region',
  'agent',
  'collector',
];

function refuseLabelName(name: string, context: z.RefinementCtx): void {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || name.startsWith('__')) {
    context.addIssue('a label name is letters, digits and _, not starting with a digit or __');
  } else if (identityLabels.includes(name)) {
    context.addIssue('this label says who looked at what and cannot be set; choose another name');
  }
}

function inUnits(text: string, factors: Readonly<Record<string, number>>): number {
  const unit = text.replace(/^[\d.]+/, '');
  return Number.parseFloat(text) * (factors[unit] ?? Number.NaN);
}
