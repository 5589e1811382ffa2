import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

const secretBytes = 32;
const idBytes = 6;

/** What the secrets of new keys begin with: so a damaged one is known from another service's token, and a leaked one is found. */
const prefix = 'farpoint_';
const likeNewKey = new RegExp(`(?:^|\\.)${prefix}`);
const checksumLength = 6;
/** The prefix, random bits as base64url, and the checksum of all before it, the id included. */
const secretLength = prefix.length + Math.ceil((secretBytes * 4) / 3) + checksumLength;

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
  const random = `${prefix}${randomBytes(secretBytes).toString('base64url')}`;
  const secret = `${random}${checksumOf(`${id}.${random}`)}`;
  return { id, text: `${id}.${secret}`, sha256: sha256Hex(secret) };
}

/**
 * What is wrong with a key of `newKey` that was damaged on its way; undefined for one that is whole, and for what
 * does not look like one at all: it may be another service's. Nothing secret is in it.
 */
export function damageOf(text: string): string | undefined {
  if (!likeNewKey.test(text)) return undefined;
  if (parseKey(text)?.secret.length !== secretLength) {
    return `not the whole key, or more than it: farpoint key new printed an id, a dot and ${secretLength} characters`;
  }
  if (text.endsWith(checksumOf(text.slice(0, -checksumLength)))) return undefined;
  return 'not the key that farpoint key new printed: a character has changed, the checksum does not fit';
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

function checksumOf(text: string): string {
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(text));
  return checksum.toString('base64url');
}

export function sha256Hex(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
