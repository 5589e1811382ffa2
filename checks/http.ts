import { defineCheck } from './check.ts';
import { httpMetrics } from './http/metrics.ts';
import { httpSettings } from './http/settings.ts';
import { validateUrl } from './http/url.ts';

/** Fetches a URL and judges the whole download: name, connection, certificate, headers, body. */
export const http = defineCheck({
  type: 'http',
  summary: 'Fetches a URL over HTTP or HTTPS, times every phase and judges answer and download.',
  settings: httpSettings,
  metrics: httpMetrics,
  validateTarget: validateUrl,
  async create(spec, services) {
    const { createHttpCheck } = await import('./http/check.ts');
    const { warmUp } = await import('./http/warm-up.ts');
    await warmUp(services.clock);
    return createHttpCheck(spec, services);
  },
});
