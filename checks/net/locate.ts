import { isIP } from 'node:net';
import type { Endpoint } from './connect.ts';
import type { EgressPolicy } from './egress.ts';
import { Failure } from './failure.ts';
import { parseHostPort } from './host-port.ts';
import { resolve, type ResolveOptions } from './resolve.ts';
import type { Trace } from './trace.ts';

/** How a check gets at addresses, and which of them it may use. */
export interface Network {
  readonly resolve: ResolveOptions;
  readonly egress: EgressPolicy;
}

/**
 * From a name and a port to the one address to connect to, if the egress policy lets it. The caller
 * has entered the phase `resolve`.
 */
export async function locate(
  destination: { readonly host: string; readonly port: number },
  network: Network,
  trace: Trace,
  signal: AbortSignal,
): Promise<Endpoint | Failure> {
  const { host, port } = destination;
  const denied = isIP(host) ? undefined : deniedServer(network.resolve.servers, network.egress);
  if (denied) return denied;
  // There is nothing to look up of an address, and nobody to wait for.
  if (isIP(host)) trace.stop();
  else trace.peer = firstServer(network.resolve.servers);
  const resolution = await resolve(host, network.resolve, signal);
  trace.stop();
  if (resolution instanceof Failure) return resolution;
  trace.resolution = resolution;
  trace.peer = resolution.address;
  return network.egress(resolution.address, port) ?? { address: resolution.address, port };
}

/** Of name servers, as configured, the address of the one that is asked first. */
export function firstServer(servers: readonly string[] = []): string | undefined {
  return servers.map((server) => placeOf(server)?.host)[0];
}

/** The policy holds for name servers from the configuration too. */
export function deniedServer(
  servers: readonly string[] | undefined,
  egress: EgressPolicy,
): Failure | undefined {
  for (const server of servers ?? []) {
    const place = placeOf(server);
    const denied = place && egress(place.host, place.port);
    if (denied) return denied;
  }
  return undefined;
}

function placeOf(server: string): { readonly host: string; readonly port: number } | undefined {
  return isIP(server) ? { host: server, port: 53 } : parseHostPort(server);
}
