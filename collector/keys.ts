import { createHash, timingSafeEqual } from 'node:crypto';
import type { Clock } from '#lib/clock';
import { parseKey } from '#lib/key';
import type { KeyConfiguration } from './config.ts';
import type { Scope } from './config/schema.ts';

/** Who is speaking: what a valid key is bound to. */
export interface Identity {
  readonly keyId: string;
  readonly agents: readonly string[];
  readonly regions: readonly string[];
  readonly scopes: readonly Scope[];
}

/** A key of no agent is a stranger's, unless it was made for something else. */
export function mayWrite({ agents, scopes }: Identity): boolean {
  return agents.length > 0 || scopes.length === 0;
}

/** Why a request was not let in. For the statistics only: the answer never tells. */
export const keyRejections = [
  'missing',
  'malformed',
  'unknown',
  'wrong',
  'expired',
  'scope',
  'identity',
] as const;
export type KeyRejection = (typeof keyRejections)[number];

export type Authentication =
  | { readonly kind: 'accepted'; readonly identity: Identity }
  | { readonly kind: 'rejected'; readonly reason: KeyRejection };

/** `missing`: the key is valid, but not for this. `nobody`: no valid key. */
export type Permission = 'given' | 'missing' | 'nobody';

interface KnownKey {
  readonly digest: Buffer;
  readonly expiresUnixMs: number | undefined;
  readonly identity: Identity;
}

/** Stands in for a key that is not there, so that an unknown id takes as long as a wrong secret. */
const nobody = Buffer.alloc(32);

/** The keys that are valid now; several may be for the same agent, so that one can replace another. */
export class KeyRing {
  readonly #clock: Clock;
  #keys: ReadonlyMap<string, KnownKey>;

  constructor(keys: readonly KeyConfiguration[], clock: Clock) {
    this.#clock = clock;
    this.#keys = toKnown(keys);
  }

  /** From now on these are the keys: what is no longer among them is refused at once. */
  replace(keys: readonly KeyConfiguration[]): void {
    this.#keys = toKnown(keys);
  }

  /** Agents that some key is for. */
  get agents(): ReadonlySet<string> {
    return new Set(this.#keys.values().flatMap(({ identity }) => identity.agents));
  }

  /** Whether an Authorization header is that of a valid key, and one with this scope. */
  permission(scope: Scope, authorization: string | undefined): Permission {
    const authentication = this.authenticate(authorization);
    if (authentication.kind === 'rejected') return 'nobody';
    return authentication.identity.scopes.includes(scope) ? 'given' : 'missing';
  }

  /** Judges an Authorization header, for all but its scope: `Bearer id.secret` (RFC 6750). */
  authenticate(authorization: string | undefined): Authentication {
    if (authorization === undefined) return { kind: 'rejected', reason: 'missing' };
    const [, text = ''] = /^bearer +(\S+)$/i.exec(authorization) ?? [];
    const presented = parseKey(text);
    if (presented === undefined) return { kind: 'rejected', reason: 'malformed' };
    const known = this.#keys.get(presented.id);
    const digest = createHash('sha256').update(presented.secret).digest();
    const isRight = timingSafeEqual(digest, known?.digest ?? nobody);
    if (known === undefined) return { kind: 'rejected', reason: 'unknown' };
    if (!isRight) return { kind: 'rejected', reason: 'wrong' };
    const { expiresUnixMs = Infinity, identity } = known;
    if (this.#clock.unixMs() > expiresUnixMs) return { kind: 'rejected', reason: 'expired' };
    return { kind: 'accepted', identity };
  }
}

function toKnown(keys: readonly KeyConfiguration[]): ReadonlyMap<string, KnownKey> {
  return new Map(
    keys.map(({ id, sha256, agents, regions, scopes, expiresUnixMs }) => [
      id,
      {
        digest: Buffer.from(sha256, 'hex'),
        expiresUnixMs,
        identity: { keyId: id, agents, regions, scopes },
      },
    ]),
  );
}
