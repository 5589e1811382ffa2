import { type EchoUnavailable, type Pinger } from './pinger.ts';
import { openSystemBinary } from './system-binary.ts';

/** Opens the best way to ping that this host grants. Never fails: with none, every run says why. */
export async function openPinger(): Promise<Pinger> {
  const binary = await openSystemBinary(AbortSignal.timeout(5000));
  return 'unavailable' in binary ? unavailable(binary) : binary;
}

function unavailable(reason: EchoUnavailable): Pinger {
  return {
    mode: 'unavailable',
    echo: async () => reason,
    async [Symbol.asyncDispose]() {},
  };
}
