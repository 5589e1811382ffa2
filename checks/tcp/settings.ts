import { z } from 'zod';
import { pattern } from '../inspect/expressions.ts';
import { resolveSettings } from '../net/resolve-settings.ts';
import { limit, timeSettings } from '../net/time-limits.ts';

/** The keys of a `tcp` check beside those every check has. */
export const tcpSettings = z.strictObject({
  ...resolveSettings,
  send: z
    .string()
    .min(1)
    .optional()
    .describe('Text to send once connected; nothing is added to it, write \\r\\n where it is due'),
  expect: z
    .strictObject({
      contains: z.string().min(1).optional().describe('Text the answer must contain'),
      matches: pattern.optional(),
      time: timeSettings({ resolve: limit, connect: limit, processing: limit }).optional(),
    })
    .prefault({})
    .describe('What must come: without contains and matches the connection alone is up'),
});

export type TcpSettings = z.output<typeof tcpSettings>;
