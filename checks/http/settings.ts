import { z } from 'zod';
import { duration } from '#lib/scalars';

const status = z
  .union([
    z.int().min(100).max(599),
    z.string().regex(/^([1-5]xx|[1-5]\d\d(-[1-5]\d\d)?)$/, 'expected 200, 2xx or 200-299'),
  ])
  .describe('A status code (200), a class (2xx) or a range (200-299)');

/** What must be true of the answer; everything is evaluated and every failure named. */
const expectations = z.strictObject({
  status: z.array(status).min(1).default(['2xx']).describe('Status codes that are fine'),
});

/** The keys of an `http` check beside those every check has. */
export const httpSettings = z.strictObject({
  method: z
    .string()
    .regex(/^[A-Z]+$/, 'expected a method in capitals, such as GET')
    .default('GET')
    .describe('Request method'),
  headers: z
    .record(z.string().regex(/^[\w!#$%&'*+.^`|~-]+$/, 'not the name of a header'), z.string())
    .default({})
    .describe('Request headers, by name'),
  ip: z
    .literal(['auto', 4, 6])
    .default('auto')
    .describe('IP version to use; auto: IPv4 where the name has such an address, else IPv6'),
  expect: expectations.prefault({}).describe('What must be true of the answer'),
});

export type HttpSettings = z.output<typeof httpSettings>;

/** The two deadlines within a run. */
export const httpTimeouts = z.strictObject({
  headers: duration.optional().describe('From the request to the last header of the answer'),
  idle: duration.optional().describe('Longest pause within the body'),
});
