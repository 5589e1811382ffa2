import { randomUUID } from 'node:crypto';
import { proxyHeaders } from '../net/proxy.ts';
import type { HttpSettings } from './settings.ts';

/** One request, as it goes out. */
export interface Request {
  readonly url: URL;
  readonly method: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
  /** What stands in the request line: the path, or for a proxy the whole URL. */
  readonly target: string;
}

/** What is to be sent next: changes from one redirect to the other. */
export interface Intent {
  readonly url: URL;
  readonly method: string;
  readonly body: Buffer | undefined;
  /** False since a redirect has left the first origin: no credentials any more. */
  readonly trusted: boolean;
}

/** Headers that say nothing of who is asking: all that another origin is told. */
const harmless = /^(accept(-.*)?|cache-control|pragma|user-agent|dnt|range)$/;

/** Puts a request together. `authorization` and `cookie` are left out when empty. */
export function buildRequest(
  intent: Intent,
  settings: HttpSettings,
  { authorization, cookie }: { authorization: string; cookie: string },
): Request {
  const { url, trusted } = intent;
  const configured = Object.entries(settings.headers)
    .filter(([name]) => trusted || harmless.test(name))
    .map(([name, value]) => [name, value.reveal()]);
  const viaProxy = settings.proxy !== undefined && url.protocol === 'http:';
  const headers: Record<string, string> = {
    host: url.host,
    'user-agent': 'Farpoint',
    accept: '*/*',
    ...(settings.compression && { 'accept-encoding': 'gzip, br, zstd, deflate' }),
    ...(trusted && authorization !== '' && { authorization }),
    ...(viaProxy && settings.proxy && proxyHeaders(settings.proxy)),
    ...Object.fromEntries(configured),
  };
  if (cookie !== '') headers['cookie'] = [headers['cookie'] ?? [], cookie].flat().join('; ');
  const path = url.pathname + url.search;
  return {
    url,
    method: intent.method,
    headers,
    body: intent.body,
    target: viaProxy ? url.origin + path : path,
  };
}

/** The first thing to send. */
export function firstIntent(url: URL, settings: HttpSettings, body: Buffer | undefined): Intent {
  const fresh = new URL(url);
  if (settings.fresh) fresh.searchParams.append('farpoint', randomUUID());
  return { url: fresh, method: settings.method, body, trusted: true };
}
