import type { LookupAddress } from 'node:dns';
import { lookup as systemLookup } from 'node:dns/promises';
import type { LookupFunction } from 'node:net';
import { Failure } from './failure.ts';
import { resolve } from './resolve.ts';

/**
 * Looks names up as checks look up their targets, for `net.connect`. Not `dns.lookup` by itself: a
 * silent name server holds the threads that it waits in, and so the end of the process, for ten seconds
 * and more. That is only asked for names which DNS says it does not know, and which the system may have
 * from elsewhere. Once the signal aborts, lookups fail.
 */
export function createLookup(signal: AbortSignal): LookupFunction {
  return (host, options, callback) => void tell({ host, options, callback }, signal);
}

interface Question {
  readonly host: string;
  readonly options: Parameters<LookupFunction>[1];
  readonly callback: Parameters<LookupFunction>[2];
}

async function tell({ host, options, callback }: Question, signal: AbortSignal): Promise<void> {
  const { all, family } = options;
  try {
    const addresses = await find(host, family === 4 || family === 6 ? family : 'auto', signal);
    if (all === true) callback(null, addresses);
    else callback(null, addresses[0]?.address ?? '', addresses[0]?.family);
  } catch (error) {
    callback(error instanceof Error ? error : new Error(String(error)), []);
  }
}

async function find(
  host: string,
  ip: 4 | 6 | 'auto',
  signal: AbortSignal,
): Promise<LookupAddress[]> {
  const found = await resolve(host, { ip }, signal);
  if (!(found instanceof Failure)) {
    return found.addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  }
  const { error, message } = found.verdict;
  if (error !== 'dns_nxdomain' || signal.aborted) throw new Error(message);
  return systemLookup(host, { all: true, family: ip === 'auto' ? 0 : ip });
}
