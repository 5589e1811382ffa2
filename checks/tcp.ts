import { z } from 'zod';
import { defineCheck } from './check.ts';
import { pattern } from './inspect/expressions.ts';
import { validateHostPort } from './net/host-port.ts';
import { resolveSettings } from './net/resolve-settings.ts';
import { limit, timeSettings } from './net/time-limits.ts';
import { tcpMetrics } from './tcp/metrics.ts';

const settings = z.strictObject({
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

export type TcpSettings = z.output<typeof settings>;

/** Opens a TCP connection, and may talk over it: a banner, or a question and its answer. */
export const tcp = defineCheck({
  type: 'tcp',
  summary: 'Opens a TCP connection; may send a line and wait for what must come back.',
  settings,
  metrics: tcpMetrics,
  validateTarget: validateHostPort,
  async create(spec, services) {
    const { createTcpCheck } = await import('./tcp/check.ts');
    return createTcpCheck(spec, services);
  },
});
