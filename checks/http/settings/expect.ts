import { z } from 'zod';
import { size } from '#lib/scalars';
import { jsonataExpression, pattern } from '../../inspect/expressions.ts';
import { certificateSettings } from '../../net/certificate-expiry.ts';
import { limit, timeSettings } from '../../net/time-limits.ts';

const status = z
  .union([
    z.int().min(100).max(599),
    z.string().regex(/^([1-5]xx|[1-5]\d\d(-[1-5]\d\d)?)$/, 'expected 200, 2xx or 200-299'),
  ])
  .describe('A status code (200), a class (2xx) or a range (200-299)');

const header = z
  .union([
    z.string().transform((equals) => ({ equals })),
    z.strictObject({ equals: z.string() }).describe('Has exactly this value'),
    z.strictObject({ matches: pattern }).describe('Has a value that matches'),
    z.strictObject({ present: z.literal(true) }).describe('Is there'),
    z.strictObject({ absent: z.literal(true) }).describe('Is not there'),
  ])
  .describe('What must be true of a header: its value, or one of equals, matches, present, absent');

const texts = z
  .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
  .transform((text) => (typeof text === 'string' ? [text] : text));
const patterns = z
  .union([pattern, z.array(pattern).min(1)])
  .transform((text) => (typeof text === 'string' ? [text] : text));

const body = z.strictObject({
  contains: texts.default([]).describe('Texts that must be there'),
  matches: patterns.default([]).describe('Regular expressions that must match'),
  not: z
    .union([
      texts.transform((contains): { contains: string[]; matches: string[] } => ({
        contains,
        matches: [],
      })),
      z.strictObject({ contains: texts.default([]), matches: patterns.default([]) }),
    ])
    .default({ contains: [], matches: [] })
    .describe(
      'Texts that must not be there; or contains and matches, neither of which may be true',
    ),
});

const json = z
  .array(
    z.union([
      jsonataExpression,
      z.strictObject({ value: jsonataExpression, equals: z.json() }).describe('Gives exactly this'),
    ]),
  )
  .describe('JSONata: expressions that must give true, or {value, equals}');

const time = timeSettings({
  resolve: limit,
  connect: limit,
  tls: limit,
  processing: limit,
  transfer: limit,
});

/** The `expect` key: all of it is evaluated, and every failure named. */
export const expectSettings = z
  .strictObject({
    status: z.array(status).min(1).default(['2xx']).describe('Status codes that are fine'),
    version: z
      .array(z.literal([1, 1.1, 2]))
      .min(1)
      .optional()
      .describe('HTTP versions that are fine'),
    headers: z
      .record(
        z.string().transform((name) => name.toLowerCase()),
        header,
      )
      .default({})
      .describe('What must be true of headers of the answer, by name'),
    body: body.optional().describe('What must be true of the body as text, after decompression'),
    json: json.optional(),
    sha256: z
      .string()
      .regex(/^[\da-fA-F]{64}$/, 'expected 64 hexadecimal digits')
      .transform((text) => text.toLowerCase())
      .optional()
      .describe('Checksum of the body, after decompression'),
    size: z
      .strictObject({ min: size.optional(), max: size.optional() })
      .optional()
      .describe('Bytes of the body, after decompression'),
    time: time.optional(),
    throughput: z
      .strictObject({ min: size })
      .optional()
      .describe('Bytes a second while the body came; a body that came at once is fast enough'),
    certificate: certificateSettings.optional(),
  })
  .describe('What must be true of the answer');

export type ExpectSettings = z.output<typeof expectSettings>;
