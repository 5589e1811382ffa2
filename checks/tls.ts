import { z } from 'zod';
import { defineCheck } from './check.ts';
import { certificateSettings } from './net/certificate-expiry.ts';
import { validateHostPort } from './net/host-port.ts';
import { resolveSettings } from './net/resolve-settings.ts';
import { limit, timeSettings } from './net/time-limits.ts';
import { tlsSettings } from './net/tls-context.ts';
import { tlsCheckMetrics } from './tls/metrics.ts';

const settings = z.strictObject({
  ...resolveSettings,
  tls: tlsSettings.prefault({}),
  protocols: z
    .array(z.string().min(1))
    .default([])
    .describe('Protocols to offer (ALPN), such as h2; the server must take one of them'),
  expect: z
    .strictObject({
      certificate: certificateSettings.prefault({ days: 0 }),
      time: timeSettings({ resolve: limit, connect: limit, tls: limit }).optional(),
    })
    .prefault({})
    .describe('What must be true of certificate and handshake'),
});

export type TlsCheckSettings = z.output<typeof settings>;

/** Shakes hands and judges the certificate; sends nothing over the connection. */
export const tls = defineCheck({
  type: 'tls',
  summary: 'Shakes hands by TLS and judges the certificate.',
  settings,
  metrics: tlsCheckMetrics,
  validateTarget: validateHostPort,
  async create(spec, services) {
    const { createTlsCheck } = await import('./tls/check.ts');
    return createTlsCheck(spec, services);
  },
});
