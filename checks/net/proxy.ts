import { request } from 'node:http';
import type { Socket } from 'node:net';
import { z } from 'zod';
import { secret } from '#lib/scalars';
import { Failure } from './failure.ts';
import type { Trace } from './trace.ts';

const proxyUrl = z
  .string()
  .refine(isProxyUrl, 'expected http://host:port, without credentials and path')
  .describe('Address of an HTTP proxy, for example http://proxy.example.net:3128');

/** The `proxy` key: an HTTP proxy, plain or with a user. */
export const proxySettings = z
  .union([
    proxyUrl.transform((url) => ({ url, user: undefined, password: undefined })),
    z.strictObject({
      url: proxyUrl,
      user: z.string().min(1).optional(),
      password: secret.optional(),
    }),
  ])
  .describe('Proxy to go through: CONNECT for https, absolute URLs for http');

export type ProxySettings = z.output<typeof proxySettings>;

/** Where the proxy listens. */
export function proxyDestination(proxy: ProxySettings): { host: string; port: number } {
  const url = new URL(proxy.url);
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 80) };
}

/** Headers that make the proxy let us in. */
export function proxyHeaders({ user, password }: ProxySettings): Record<string, string> {
  if (user === undefined) return {};
  const credentials = Buffer.from(`${user}:${password?.reveal() ?? ''}`).toString('base64');
  return { 'proxy-authorization': `Basic ${credentials}` };
}

/**
 * Has the proxy at the other end of the socket connect us through to `authority` (RFC 9110, 9.3.6).
 * Undefined when the way is open; the time counts as connecting.
 */
export async function tunnel(
  socket: Socket,
  { authority, proxy }: { readonly authority: string; readonly proxy: ProxySettings },
  trace: Trace,
  signal: AbortSignal,
): Promise<Failure | undefined> {
  trace.enter('connect');
  const { promise, resolve } = Promise.withResolvers<Failure | undefined>();
  const fail = (why: string): void => {
    resolve(Failure.down('proxy_refused', `the proxy ${proxy.url} ${why}`));
  };
  const abort = (): void =>
    resolve(
      Failure.aborted(
        signal,
        trace.current ?? 'connect',
        `the proxy ${proxy.url} had not answered`,
      ),
    );
  signal.addEventListener('abort', abort, { once: true });
  const connecting = request({
    method: 'CONNECT',
    path: authority,
    headers: { host: authority, ...proxyHeaders(proxy) },
    setHost: false,
    createConnection: () => socket,
  });
  connecting
    .once('connect', ({ statusCode = 0, statusMessage = '' }) => {
      if (statusCode >= 200 && statusCode < 300) resolve(undefined);
      else fail(`did not connect us to ${authority}: ${statusCode} ${statusMessage}`.trimEnd());
    })
    .once('response', ({ statusCode = 0 }) => fail(`answered CONNECT with ${statusCode}`))
    .on('error', (error) => fail(`broke off: ${error.message}`))
    .end();
  const failure = await promise;
  signal.removeEventListener('abort', abort);
  if (failure) socket.on('error', () => undefined).destroy();
  return failure;
}

function isProxyUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url?.protocol !== 'http:' || url.username !== '' || url.password !== '') return false;
  return url.pathname === '/' && url.search === '' && url.hash === '';
}
