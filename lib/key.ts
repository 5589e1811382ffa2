import { createHash, randomBytes } from 'node:crypto';

const secretBytes = 32;
const idBytes = 6;

/** What a client presents: an id that is no secret, and a secret that only its SHA-256 is kept of. */
export interface PresentedKey {
  readonly id: string;
  readonly secret: string;
}

export interface NewKey {
  readonly id: string;
  /** `id.secret`: shown once to whoever asked for the key, and never stored by the collector. */
  readonly text: string;
  /** Lower-case hexadecimal SHA-256 of the secret: what the collector's configuration holds. */
  readonly sha256: string;
}

/** Makes a key of 256 random bits. An id may be chosen; a random one is 12 hexadecimal digits. */
export function newKey(id: string = randomBytes(idBytes).toString('hex')): NewKey {
  const secret = randomBytes(secretBytes).toString('base64url');
  return { id, text: `${id}.${secret}`, sha256: sha256Hex(secret) };
}

/**
 * Splits `id.secret` at its first dot; undefined when the text is not of this form. Says nothing on
 * whether the key is valid. Ids and secrets are letters, digits, `_` and `-`.
 */
export function parseKey(text: string): PresentedKey | undefined {
  const match = /^(?<id>[\w-]{1,64})\.(?<secret>[\w-]{32,256})$/.exec(text);
  const { id, secret } = match?.groups ?? {};
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

export function sha256Hex(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
