import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { type Verdict } from '#lib/observation';

interface Address {
  readonly status: 'found';
  readonly address: string;
  readonly family: 4 | 6;
}

/** The address to ping: the target itself, or the first one its name has of the wanted family. */
export async function resolve(
  target: string,
  ip: 'auto' | 4 | 6,
  signal: AbortSignal,
): Promise<Address | Verdict> {
  if (isIP(target) !== 0) {
    return { status: 'found', address: target, family: isIP(target) === 4 ? 4 : 6 };
  }
  const family = ip === 'auto' ? 0 : ip;
  try {
    const found = await abortable(lookup(target, { family, order: 'ipv4first' }), signal);
    return { status: 'found', address: found.address, family: found.family === 4 ? 4 : 6 };
  } catch (error) {
    return { status: 'down', ...describe(error), message: `cannot resolve ${target}` };
  }
}

function describe(error: unknown): { readonly error: 'dns_nxdomain' | 'dns_timeout' } {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return { error: code === 'ENOTFOUND' ? 'dns_nxdomain' : 'dns_timeout' };
}

async function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
