import { z } from 'zod';
import { line } from '#lib/scalars';
import { exportedBounds } from '../counts/durations.ts';

const value = z
  .strictObject({
    field: z
      .string()
      .min(1)
      .optional()
      .describe('The field of the format; the name of the value if left out'),
    as: z
      .enum(['counter', 'gauge', 'histogram'])
      .default('gauge')
      .describe('What becomes of it: added up, the last one kept, or counted by size'),
    buckets: z
      .array(z.number())
      .min(1)
      .max(100)
      .refine(
        (bounds) =>
          bounds.every((bound, index) => index === 0 || bound > (bounds[index - 1] ?? bound)),
        'expected ascending bounds',
      )
      .optional()
      .describe('Upper bounds of a histogram; those of request times if left out'),
    unit: line.default('').describe('Unit in UCUM: By, s, 1, {record}'),
    expect: z
      .strictObject({ min: z.number().optional(), max: z.number().optional() })
      .optional()
      .describe(
        'Thresholds of a run: of the sum of a counter, the last of a gauge, the mean of a histogram',
      ),
  })
  .refine(({ as, buckets }) => as === 'histogram' || buckets === undefined, {
    message: 'buckets go with as: histogram',
    path: ['buckets'],
  });

/** The `values` key: numbers that lines carry, by the name they get. */
export const valuesSettings = z
  .record(
    z.string().regex(/^[A-Za-z_][\w.-]{0,62}$/, 'expected a name of letters, digits, _ . and -'),
    value.transform((settings) => ({ ...settings, buckets: settings.buckets ?? exportedBounds })),
  )
  .describe('Numbers that lines carry; each becomes log_value…{name, unit}');
