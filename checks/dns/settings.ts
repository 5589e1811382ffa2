import { z } from 'zod';
import { resolveSettings } from '../net/resolve-settings.ts';
import { limit, timeSettings } from '../net/time-limits.ts';
import { recordTypes } from './records.ts';

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

/** The keys of a `dns` check beside those every check has. */
export const dnsSettings = z.strictObject({
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

export type DnsSettings = z.output<typeof dnsSettings>;
