import { defineCheck } from './check.ts';
import { dnsMetrics } from './dns/metrics.ts';
import { dnsSettings } from './dns/settings.ts';

/** Asks name servers for the records of a name. */
export const dns = defineCheck({
  type: 'dns',
  summary: 'Asks name servers for records of a name, and compares them with what they should be.',
  settings: dnsSettings,
  metrics: dnsMetrics,
  validateTarget,
  async create(spec, services) {
    const { createDnsCheck } = await import('./dns/check.ts');
    return createDnsCheck(spec, services);
  },
});

function validateTarget(target: string): string | undefined {
  if (target.includes('://') || target.includes('/')) return 'expected a name, not a URL';
  if (/^[^\s:@]{1,253}$/.test(target)) return undefined;
  return 'expected a name, such as example.org; the servers to ask stand under resolvers';
}
