import { statSync, readFileSync } from 'node:fs';
import { createSecureContext, type SecureContext, type SecureVersion } from 'node:tls';
import { z } from 'zod';
import { messageOf } from '#lib/error-message';
import { Secret } from '#lib/secret';
import { Failure } from './failure.ts';

const pem = z
  .string()
  .refine(isPemOrPath, 'expected the path of a PEM file, starting with /, or its text');

/** The `tls` key of checks that shake hands. */
export const tlsSettings = z
  .strictObject({
    ca: pem
      .optional()
      .describe('Trusted roots instead of the built-in ones (PEM file or its text)'),
    certificate: pem
      .optional()
      .describe(
        'Client certificate with its chain (PEM file or its text); shown only to a server that has passed a handshake without it',
      ),
    key: pem
      .transform((text) => new Secret(text))
      .optional()
      .describe('Private key of the client certificate (PEM file or its text)'),
    name: z
      .string()
      .min(1)
      .optional()
      .describe('Name to send (SNI) and to expect in the certificate instead of the host'),
    min: z.literal([1, 1.1, 1.2, 1.3]).default(1.2).describe('Oldest version of TLS allowed'),
    verify: z
      .boolean()
      .default(true)
      .describe('false judges no certificate: whoever answers is believed, and sent credentials'),
  })
  .refine((tls) => (tls.certificate === undefined) === (tls.key === undefined), {
    message: 'certificate and key come together',
  })
  .describe('How to shake hands and whom to trust');

export type TlsSettings = z.output<typeof tlsSettings>;

let plain: SecureContext | undefined;

/** Gives the context for a handshake, with or without the client certificate. */
export type TlsContexts = (withClient: boolean) => SecureContext | Failure;

/**
 * Makes contexts for handshakes. They are dear (all trusted roots are read), so one is kept until a
 * file it was made from changes: a renewed client certificate is used from the next run on. A file that
 * cannot be read or used is a Failure of ours.
 */
export function createTlsContexts(settings: TlsSettings): TlsContexts {
  const make = contextMaker(settings);
  return (withClient) => {
    try {
      return make(withClient);
    } catch (error) {
      const why = messageOf(error);
      return Failure.unknown('agent_error', `the certificates of tls cannot be used: ${why}`);
    }
  };
}

function contextMaker(settings: TlsSettings): (withClient: boolean) => SecureContext {
  const { ca, certificate, min } = settings;
  const key = settings.key?.reveal();
  const kept = new Map<boolean, { readonly version: string; readonly context: SecureContext }>();
  return (withClient) => {
    const client = withClient && certificate !== undefined ? { cert: certificate, key } : {};
    if (ca === undefined && min === 1.2 && client.cert === undefined) {
      return (plain ??= createSecureContext());
    }
    const files = [ca, client.cert, client.key];
    const version = files.map(versionOf).join(' ');
    const isIdentified = client.cert !== undefined;
    const known = kept.get(isIdentified);
    if (known?.version === version) return known.context;
    const context = createSecureContext({
      ...(ca !== undefined && { ca: textOf(ca) }),
      ...(client.cert !== undefined && { cert: textOf(client.cert) }),
      ...(client.key !== undefined && { key: textOf(client.key) }),
      ...versionLimits(min),
    });
    kept.set(isIdentified, { version, context });
    return context;
  };
}

/** OpenSSL 3 speaks TLS 1.0 and 1.1 only at security level 0. */
function versionLimits(min: TlsSettings['min']): { minVersion: SecureVersion; ciphers?: string } {
  const old = min < 1.2;
  return { minVersion: versions[min], ...(old && { ciphers: 'DEFAULT@SECLEVEL=0' }) };
}

const versions = {
  1: 'TLSv1',
  1.1: 'TLSv1.1',
  1.2: 'TLSv1.2',
  1.3: 'TLSv1.3',
} as const satisfies Record<TlsSettings['min'], SecureVersion>;

function isPemOrPath(text: string): boolean {
  return text.startsWith('/') || isPem(text);
}

function isPem(text: string): boolean {
  return text.trimStart().startsWith('-----BEGIN');
}

function textOf(source: string): string {
  return isPem(source) ? source : readFileSync(source, 'utf8');
}

function versionOf(source: string | undefined): string {
  if (source === undefined || isPem(source)) return '';
  const { ino, size, mtimeMs } = statSync(source);
  return `${ino}:${size}:${mtimeMs}`;
}
