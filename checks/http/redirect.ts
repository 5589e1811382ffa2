import { isUtf8 } from 'node:buffer';
import { Failure } from '../net/failure.ts';
import type { Response } from './exchange/reception.ts';
import type { Intent } from './request.ts';

const redirecting = new Set([301, 302, 303, 307, 308]);

/**
 * Where an answer sends us (RFC 9110, 15.4), undefined when it is no redirect. Leaving the origin takes
 * the credentials away for good; a body is never sent to an origin it was not meant for.
 */
export function followRedirect(response: Response, intent: Intent): Intent | Failure | undefined {
  const { location } = response.headers;
  if (!redirecting.has(response.status) || location === undefined) return undefined;
  const text = decodeLocation(String(location));
  const url = URL.parse(text, intent.url.href);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    return Failure.down('redirect_invalid', `the redirect leads to ${JSON.stringify(text)}`);
  }
  url.hash = '';
  url.username = '';
  url.password = '';
  const dropsBody = changesToGet(response.status, intent.method);
  const sameOrigin = url.origin === intent.url.origin;
  if (!sameOrigin && !dropsBody && intent.body !== undefined) {
    return Failure.down(
      'redirect_invalid',
      `the redirect (${response.status}) would send the request body to another origin, ${url.origin}`,
    );
  }
  return {
    url,
    method: dropsBody ? 'GET' : intent.method,
    body: dropsBody ? undefined : intent.body,
    trusted: intent.trusted && sameOrigin,
  };
}

/** What is sent as it is and not per cent: UTF-8, as browsers take it; headers are read byte by byte. */
function decodeLocation(text: string): string {
  const bytes = Buffer.from(text, 'latin1');
  return isUtf8(bytes) ? bytes.toString() : text;
}

/** As browsers and curl do: 303 always, 301 and 302 after a POST. */
function changesToGet(status: number, method: string): boolean {
  if (status === 303) return method !== 'HEAD';
  return (status === 301 || status === 302) && method === 'POST';
}
