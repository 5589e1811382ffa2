import { z } from 'zod';
import { certificateSettings } from '../net/certificate-expiry.ts';
import { resolveSettings } from '../net/resolve-settings.ts';
import { limit, timeSettings } from '../net/time-limits.ts';
import { tlsSettings } from '../net/tls-context.ts';

/** The keys of a `tls` check beside those every check has. */
export const tlsCheckSettings = z.strictObject({
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

export type TlsCheckSettings = z.output<typeof tlsCheckSettings>;
