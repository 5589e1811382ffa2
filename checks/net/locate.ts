import { type Endpoint } from './connect.ts';
import { type EgressPolicy } from './egress.ts';
import { Failure } from './failure.ts';
import { resolve, type ResolveOptions } from './resolve.ts';
import { type Trace } from './trace.ts';

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
  const resolution = await resolve(host, network.resolve, signal);
  if (resolution instanceof Failure) return resolution;
  trace.resolution = resolution;
  return network.egress(resolution.address, port) ?? { address: resolution.address, port };
}
