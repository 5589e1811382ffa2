import type { Clock } from '#lib/clock';
import { messageOf } from '#lib/error-message';
import { IcmpEngine } from './engine.ts';
import { EchoSocket } from './engine/echo-socket.ts';
import type { Libc } from './engine/libc.ts';
import type { SocketOptions } from './engine/socket-options.ts';
import type { Pinger, PingerMode } from './pinger.ts';
import { openSystemBinary } from './system-binary.ts';

export interface PingerOptions {
  readonly clock: Clock;
  /** For all packets of this process together. */
  readonly packetsPerSecondMax: number;
  /** How often the engine looks after its sockets. */
  readonly slotMs?: number;
}

/**
 * Opens the best way to ping that this host grants, for each address family: a datagram socket, which
 * needs no privilege but the sysctl net.ipv4.ping_group_range; a raw one, which needs CAP_NET_RAW; or
 * the system's program. Never fails: with none of them every run says why.
 */
export async function openPinger({ slotMs = 10, ...options }: PingerOptions): Promise<Pinger> {
  const { libc, kinds, refusals } = await tryWithLibc();
  const engine = libc && new IcmpEngine({ libc, kinds, slotMs, ...options });
  const binary = kinds[4] && kinds[6] ? undefined : await openSystemBinary();
  if (binary && 'unavailable' in binary) refusals.push(binary.unavailable);
  const fallback = binary && 'echo' in binary ? binary : undefined;
  const mode = (family: 4 | 6): PingerMode =>
    kinds[family] ?? (fallback ? 'binary' : 'unavailable');
  return {
    modes: { 4: mode(4), 6: mode(6) },
    refusals,
    async echo(plan, signal) {
      const pinger = kinds[plan.family] ? engine : fallback;
      return (await pinger?.echo(plan, signal)) ?? { unavailable: refusals.join('; ') };
    },
    async [Symbol.asyncDispose]() {
      engine?.[Symbol.dispose]();
    },
  };
}

interface Sockets {
  readonly libc?: Libc;
  readonly kinds: Partial<Record<4 | 6, SocketOptions['kind']>>;
  /** What was said to kinds that may not be opened. */
  readonly refusals: string[];
}

async function tryWithLibc(): Promise<Sockets> {
  if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch)) {
    return { kinds: {}, refusals: ['own ICMP sockets need Linux on x64 or arm64'] };
  }
  try {
    const { loadLibc } = await import('./engine/libc.ts');
    return trySockets(loadLibc());
  } catch (error) {
    const why = messageOf(error);
    return { kinds: {}, refusals: [`cannot call the C library: ${why}`] };
  }
}

/** Tries which kinds of socket may be opened. */
function trySockets(libc: Libc): Sockets {
  const kinds: Sockets['kinds'] = {};
  const refusals: string[] = [];
  for (const family of [4, 6] as const) {
    for (const kind of ['datagram', 'raw'] as const) {
      if (kinds[family] !== undefined) continue;
      const socket = EchoSocket.open(libc, { kind, family, ...plain });
      if (socket instanceof EchoSocket) {
        kinds[family] = kind;
        socket[Symbol.dispose]();
      } else {
        refusals.push(`IPv${family} ${kind} socket, which needs ${needs[kind]}: ${socket.refused}`);
      }
    }
  }
  return { libc, kinds, refusals };
}

const plain = { source: undefined, hopLimit: undefined, dontFragment: false } as const;

const needs = {
  datagram: 'the sysctl net.ipv4.ping_group_range to include a group of this process',
  raw: 'the capability NET_RAW',
} as const;
