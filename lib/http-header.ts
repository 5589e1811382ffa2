import { z } from 'zod';
import { secret } from './scalars.ts';

/** The name of a header (RFC 9110, 5.1); becomes lower case. */
export const headerName = z
  .string()
  .regex(/^[\w!#$%&'*+.^`|~-]+$/, 'not a header name')
  .transform((name) => name.toLowerCase());

/** What may stand in a header (RFC 9110, 5.5). A secret, since a header may be what lets one in. */
export const headerValue = secret.refine(
  (value) => /^[\t\u0020-\u007e\u0080-\u00ff]*$/.test(value.reveal()),
  'not a header value: line breaks and other control characters are not allowed',
);
