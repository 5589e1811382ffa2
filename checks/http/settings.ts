import { z } from 'zod';
import { headerName, headerValue } from '#lib/http-header';
import { duration, size } from '#lib/scalars';
import { proxySettings } from '../net/proxy.ts';
import { resolveSettings } from '../net/resolve-settings.ts';
import { tlsSettings } from '../net/tls-context.ts';
import { authSettings } from './settings/auth.ts';
import { expectSettings } from './settings/expect.ts';
import { valuesSettings } from './settings/values.ts';

/** What says how the request is sent, and no more (RFC 9110, 7.6.1 and 10.1.1). */
const ofConnection = ['content-length', 'expect', 'keep-alive', 'transfer-encoding', 'upgrade'];

const requestHeaderName = headerName.refine(
  (name) => !ofConnection.includes(name),
  'is not for you to set: it says how the request is sent',
);

const body = z
  .union([
    z.string(),
    z.strictObject({
      file: z.string().regex(/^\//, 'expected a path from the root').describe('Sent as it is'),
    }),
  ])
  .describe('Request body: text, or a file that is read at every run');

const timeouts = z
  .strictObject({
    total: duration.optional().describe('Deadline of the whole run'),
    headers: duration.optional().describe('From the request to the last header of the answer'),
    idle: duration.optional().describe('Longest pause while the body comes'),
  })
  .describe('Deadlines; a duration alone is the total');

const limits = z.strictObject({
  body: size
    .prefault('256MiB')
    .describe('Bytes to download, and to decompress; more is body_too_large'),
  text: size
    .prefault('1MiB')
    .describe('Bytes kept for expectations on the body and for values; more is body_too_large'),
});

/** The keys of an `http` check beside those every check has. */
export const httpSettings = z.strictObject({
  method: z
    .string()
    .regex(/^[A-Z]+$/, 'expected a method in capitals, such as GET')
    .refine((method) => method !== 'CONNECT', 'CONNECT is for proxies: use proxy')
    .default('GET')
    .describe('Request method'),
  headers: z
    .record(requestHeaderName, headerValue)
    .default({})
    .describe('Request headers, by name'),
  body: body.optional(),
  auth: authSettings.optional(),
  version: z
    .literal(['auto', 1.1, 2])
    .default('auto')
    .describe('HTTP version; auto: 2 where TLS agrees on it, else 1.1'),
  compression: z
    .boolean()
    .default(false)
    .describe('Whether to ask for a compressed body (gzip, br, zstd, deflate)'),
  fresh: z
    .boolean()
    .default(false)
    .describe(
      'Whether to add a query parameter that differs in every run, so that no cache answers',
    ),
  redirects: z
    .int()
    .min(0)
    .max(20)
    .default(10)
    .describe('Redirects to follow; 0: the redirect itself is the answer'),
  proxy: proxySettings.optional(),
  tls: tlsSettings.prefault({}),
  ...resolveSettings,
  timeout: timeouts.optional(),
  limit: limits.prefault({}).describe('How much of an answer to take'),
  expect: expectSettings.prefault({}),
  values: valuesSettings.default({}),
});

export type HttpSettings = z.output<typeof httpSettings>;
