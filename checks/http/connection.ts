import { isIP, type Socket } from 'node:net';
import { type Endpoint, openTcp } from '../net/connect.ts';
import { Failure } from '../net/failure.ts';
import { locate, type Network } from '../net/locate.ts';
import { proxyDestination, type ProxySettings, tunnel } from '../net/proxy.ts';
import { openSecure, type SecureRequest } from '../net/secure.ts';
import type { TlsContexts } from '../net/tls-context.ts';
import type { Trace } from '../net/trace.ts';
import type { HttpSettings } from './settings.ts';
import { hostOf, portOf } from './url.ts';

/** What connections of a check are made with. */
export interface Connector {
  readonly settings: Pick<HttpSettings, 'proxy' | 'tls' | 'version'>;
  readonly network: Network;
  readonly contextFor: TlsContexts;
}

/**
 * Opens the connection for one hop: name, policy, TCP, proxy, TLS, and the judgement of the certificate.
 * A connection that is returned may be trusted with a request. To an origin that is not `trusted` no
 * client certificate is shown.
 */
export async function openConnection(
  { url, trusted }: { readonly url: URL; readonly trusted: boolean },
  connector: Connector,
  trace: Trace,
  signal: AbortSignal,
): Promise<Socket | Failure> {
  trace.enterHop('resolve');
  const endpoint = await locateHop(url, connector, trace, signal);
  if (endpoint instanceof Failure) return endpoint;
  if (url.protocol === 'http:') return openPlain(endpoint, connector, trace, signal);
  const { settings, contextFor } = connector;
  const { proxy, tls } = settings;
  const request: SecureRequest = {
    endpoint,
    servername: (trusted ? tls.name : undefined) ?? hostOf(url),
    alpn: protocols[settings.version],
    refused: versionRefused(settings.version),
    settings: tls,
    contextFor,
    identifies: trusted,
    ...(proxy && {
      openBelow: () => openTunnel(url, { endpoint, proxy, connector, trace }, signal),
    }),
  };
  return openSecure(request, trace, signal);
}

/** The server wants another version of HTTP than the one that is asked for. */
export function versionRefused(version: HttpSettings['version']): Failure {
  const remedy = version === 'auto' ? '' : `; to accept what it speaks, set version: auto`;
  const asked = protocols[version].map((name) => names[name]).join(' nor ');
  return Failure.down('http_version', `the server does not agree to ${asked} (ALPN)${remedy}`);
}

const names = { h2: 'HTTP/2', 'http/1.1': 'HTTP/1.1' } as const;

const protocols = { auto: ['h2', 'http/1.1'], 2: ['h2'], 1.1: ['http/1.1'] } as const;

/** A TCP connection to the target, or to the proxy before it. */
async function openPlain(
  endpoint: Endpoint,
  { settings }: Connector,
  trace: Trace,
  signal: AbortSignal,
): Promise<Socket | Failure> {
  const socket = await openTcp(endpoint, trace, signal);
  if (!(socket instanceof Failure) || settings.proxy === undefined) return socket;
  return proxyFailure(socket, settings.proxy.url);
}

async function openTunnel(
  url: URL,
  parts: { endpoint: Endpoint; proxy: ProxySettings; connector: Connector; trace: Trace },
  signal: AbortSignal,
): Promise<Socket | Failure> {
  const { endpoint, proxy, connector, trace } = parts;
  const socket = await openPlain(endpoint, connector, trace, signal);
  if (socket instanceof Failure) return socket;
  const authority = `${url.hostname}:${portOf(url)}`;
  return (await tunnel(socket, { authority, proxy }, trace, signal)) ?? socket;
}

/** Behind a proxy, the target's name is the proxy's business; an address is still judged here. */
async function locateHop(
  url: URL,
  { settings, network }: Connector,
  trace: Trace,
  signal: AbortSignal,
): Promise<Endpoint | Failure> {
  const destination = { host: hostOf(url), port: portOf(url) };
  if (settings.proxy === undefined) return locate(destination, network, trace, signal);
  const denied = isIP(destination.host)
    ? network.egress(destination.host, destination.port)
    : undefined;
  if (denied) return denied;
  const endpoint = await locate(proxyDestination(settings.proxy), network, trace, signal);
  return endpoint instanceof Failure ? proxyFailure(endpoint, settings.proxy.url) : endpoint;
}

/** The proxy's trouble is named as such. */
function proxyFailure(failure: Failure, proxy: string): Failure {
  if (failure.verdict.status === 'unknown') return failure;
  return Failure.down(
    'proxy_refused',
    `the proxy ${proxy} cannot be reached: ${failure.verdict.message}`,
  );
}
