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

/** `30s`, `1.5h`, `7d`: a number and one unit (ms s m h d w y); becomes milliseconds. */
export const duration = z
  .string()
  .regex(/^\d+(\.\d+)?(ms|s|m|h|d|w|y)$/, 'expected a duration such as 500ms, 30s, 5m, 1h or 7d')
  .transform((text) => inUnits(text, millisecondsByUnit))
  .describe('A duration: a number with one of the units ms, s, m, h, d, w, y');

/** `64MiB`, `20KiB`, `1GB`: a number and one unit; becomes bytes. */
export const size = z
  .string()
  .regex(
    /^\d+(\.\d+)?(B|KiB|MiB|GiB|TiB|kB|MB|GB|TB)$/,
    'expected a size such as 512B, 20KiB, 64MiB or 1GB',
  )
  .transform((text) => Math.round(inUnits(text, bytesByUnit)))
  .describe('A size: a number with one of the units B, KiB, MiB, GiB, TiB, kB, MB, GB, TB');

/** A string that no log, error or endpoint can print once it is read. */
export const secret = z
  .string()
  .min(1, 'expected a secret, got an empty string')
  .transform((text) => new Secret(text))
  .describe('A secret; best given as ${file:/run/secrets/name} or ${env:NAME}');

function inUnits(text: string, factors: Readonly<Record<string, number>>): number {
  const unit = text.replace(/^[\d.]+/, '');
  return Number.parseFloat(text) * (factors[unit] ?? Number.NaN);
}
