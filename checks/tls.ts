import { defineCheck } from './check.ts';
import { validateHostPort } from './net/host-port.ts';
import { tlsCheckMetrics } from './tls/metrics.ts';
import { tlsCheckSettings } from './tls/settings.ts';

/** Shakes hands and judges the certificate; sends nothing over the connection. */
export const tls = defineCheck({
  type: 'tls',
  summary: 'Shakes hands by TLS and judges the certificate.',
  settings: tlsCheckSettings,
  metrics: tlsCheckMetrics,
  validateTarget: validateHostPort,
  async create(spec, services) {
    const { createTlsCheck } = await import('./tls/check.ts');
    return createTlsCheck(spec, services);
  },
});
