import { z } from 'zod';
import { defineCheck } from './check.ts';
import { dnsMetrics } from './dns/metrics.ts';
import { recordTypes } from './dns/records.ts';
import { resolveSettings } from './net/resolve-settings.ts';
import { limit, timeSettings } from './net/time-limits.ts';

const answers = z.strictObject({
  min: z.int().min(0).default(1).describe('Records that must be there at least'),
  contains: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Records that must be there, written as in a zone file: 192.0.2.1, 10 mail.example.org',
    ),
  only: z.array(z.string().min(1)).optional().describe('Records that may be there, and no other'),
});

const settings = z.strictObject({
  record: z.enum(recordTypes).default('A').describe('Type of the records to ask for'),
  resolvers: resolveSettings.resolvers.describe(
    "Name servers to ask, tried in this order; absent: the system's",
  ),
  expect: z
    .strictObject({
      absent: z.literal(true).optional().describe('The name must not have such a record'),
      answers: answers.prefault({}),
      time: timeSettings({ request: limit }).optional(),
    })
    .prefault({})
    .describe('What must be true of the answer'),
});

export type DnsSettings = z.output<typeof settings>;

/** Asks name servers for the records of a name. */
export const dns = defineCheck({
  type: 'dns',
  summary: 'Asks name servers for records of a name, and compares them with what they should be.',
  settings,
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
