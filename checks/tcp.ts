import { defineCheck } from './check.ts';
import { validateHostPort } from './net/host-port.ts';
import { tcpMetrics } from './tcp/metrics.ts';
import { tcpSettings } from './tcp/settings.ts';

/** Opens a TCP connection, and may talk over it: a banner, or a question and its answer. */
export const tcp = defineCheck({
  type: 'tcp',
  summary: 'Opens a TCP connection; may send a line and wait for what must come back.',
  settings: tcpSettings,
  metrics: tcpMetrics,
  validateTarget: validateHostPort,
  async create(spec, services) {
    const { createTcpCheck } = await import('./tcp/check.ts');
    return createTcpCheck(spec, services);
  },
});
