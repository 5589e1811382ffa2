import { z } from 'zod';
import { duration, line, size } from '#lib/scalars';
import { jsonataExpression, pattern, selector } from '../../inspect/expressions.ts';

const threshold = z
  .union([z.number(), size, duration.transform((ms) => ms / 1000)])
  .describe('A number; a size such as 40TiB stands for bytes, a duration such as 5m for seconds');

const value = z
  .strictObject({
    json: jsonataExpression.optional().describe('JSONata expression that gives the number'),
    css: selector.optional().describe('CSS selector of the element whose text is the number'),
    attribute: z.string().min(1).optional().describe('Attribute to read instead of the text'),
    header: z.string().min(1).optional().describe('Header of the answer that holds the number'),
    regex: pattern
      .optional()
      .describe('Picks the number (group 1, or the whole match) out of what was read, or the body'),
    unit: line.default('').describe('Unit in UCUM: By, s, 1, {record}'),
    expect: z
      .strictObject({ min: threshold.optional(), max: threshold.optional() })
      .optional()
      .describe('Thresholds of the value'),
  })
  .refine(({ json, css, header }) => [json, css, header].filter(Boolean).length <= 1, {
    message: 'expected one of json, css and header',
  })
  .refine(({ json, css, header, regex }) => json ?? css ?? header ?? regex, {
    message: 'expected json, css, header or regex',
  })
  .refine(({ css, attribute }) => attribute === undefined || css !== undefined, {
    message: 'attribute goes with css',
  });

/** The `values` key: numbers read from the answer, by the name they get. */
export const valuesSettings = z
  .record(
    z.string().regex(/^[A-Za-z_][\w.-]{0,62}$/, 'expected a name of letters, digits, _ . and -'),
    value,
  )
  .describe('Numbers to read from the answer; each becomes probe_value{name, unit}');

export type ValueSettings = z.output<typeof value>;
