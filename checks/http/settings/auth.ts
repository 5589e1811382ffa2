import { z } from 'zod';
import { headerValue } from '#lib/http-header';
import { secret } from '#lib/scalars';

const oauth2 = z
  .strictObject({
    url: z
      .string()
      .refine(
        (text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ''),
        'expected an http(s) URL',
      )
      .describe('Token endpoint'),
    id: z.string().min(1).describe('Client id'),
    secret: secret.describe('Client secret'),
    scopes: z.array(z.string().min(1)).default([]),
    parameters: z
      .record(z.string(), z.string())
      .default({})
      .describe('More form fields, such as audience'),
    send: z
      .enum(['header', 'body'])
      .default('header')
      .describe('Whether id and secret go as Basic credentials or as form fields'),
  })
  .describe('OAuth 2 client credentials; the token is fetched before the clock of the run starts');

/** The `auth` key: who we are to the service. Never sent before its certificate is verified. */
export const authSettings = z
  .union([
    z.strictObject({
      basic: z.strictObject({ user: z.string().min(1), password: secret }),
    }),
    z.strictObject({ bearer: headerValue }),
    z.strictObject({ oauth2 }),
  ])
  .describe('Credentials: one of basic, bearer, oauth2; dropped when a redirect leaves the origin');

export type AuthSettings = z.output<typeof authSettings>;
export type OAuth2Settings = z.output<typeof oauth2>;
