import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { isIPv4 } from 'node:net';

/** A certificate with its private key, as PEM. */
export interface Certified {
  readonly certificate: string;
  readonly key: string;
  readonly name: string;
}

export interface CertificateRequest {
  readonly name: string;
  /** Host names and IPv4 addresses it is for. */
  readonly hosts?: readonly string[];
  /** Who signs; absent: itself. */
  readonly issuer?: Certified;
  /** A certificate that may sign others. */
  readonly authority?: boolean;
  /** A certificate for clients, and for nothing else. */
  readonly client?: boolean;
  /** A key or a signature that nobody should believe any more. */
  readonly weak?: 'key' | 'signature';
  /** Days from now. */
  readonly from?: number;
  readonly until?: number;
}

const dayMs = 86_400_000;
let serial = 256;

/** ECDSA with these (RFC 5758, 3.2, and RFC 3279, 2.2.3). */
const sha256 = ['sha256', sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02))] as const;
const sha1 = ['sha1', sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01))] as const;

/** Makes an X.509 certificate (RFC 5280) with a new key: as good or as bad as asked for. */
export function certify(request: CertificateRequest): Certified {
  const { name, issuer, weak, from = -1, until = 365 } = request;
  const { privateKey } =
    weak === 'key'
      ? generateKeyPairSync('rsa', { modulusLength: 1024 })
      : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const [digest, algorithm] = weak === 'signature' ? sha1 : sha256;
  const body = sequence(
    tagged(0xa0, integer(2)),
    integer(serial++),
    algorithm,
    distinguishedName(issuer?.name ?? name),
    sequence(time(from), time(until)),
    distinguishedName(name),
    publicKeyOf(privateKey),
    tagged(0xa3, sequence(...extensions(request))),
  );
  const signature = sign(digest, body, issuer?.key ?? key);
  const der = sequence(body, algorithm, tagged(0x03, Buffer.concat([Buffer.of(0), signature])));
  return { certificate: pem(der), key, name };
}

function extensions({
  hosts = [],
  authority = false,
  client = false,
}: CertificateRequest): Buffer[] {
  const basicConstraints = authority ? sequence(tagged(0x01, Buffer.of(0xff))) : sequence();
  const names = hosts.map((host) =>
    isIPv4(host)
      ? tagged(0x87, Buffer.from(host.split('.').map(Number)))
      : tagged(0x82, Buffer.from(host)),
  );
  const clientAuth = sequence(oid(0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02));
  return [
    ...(client ? [sequence(oid(0x55, 0x1d, 0x25), tagged(0x04, clientAuth))] : []),
    sequence(oid(0x55, 0x1d, 0x13), tagged(0x01, Buffer.of(0xff)), tagged(0x04, basicConstraints)),
    ...(names.length > 0
      ? [sequence(oid(0x55, 0x1d, 0x11), tagged(0x04, sequence(...names)))]
      : []),
  ];
}

function publicKeyOf(privateKey: KeyObject): Buffer {
  return createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
}

function distinguishedName(name: string): Buffer {
  return sequence(tagged(0x31, sequence(oid(0x55, 0x04, 0x03), tagged(0x0c, Buffer.from(name)))));
}

/** UTCTime, as RFC 5280 wants it until 2049. */
function time(days: number): Buffer {
  const digits = new Date(Date.now() + days * dayMs).toISOString().replaceAll(/[-:T]/g, '');
  return tagged(0x17, Buffer.from(`${digits.slice(2, 14)}Z`));
}

function pem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

/** Small, and not between 128 and 255: the shortest form is then one or two bytes. */
function integer(value: number): Buffer {
  const bytes = value < 0x80 ? [value] : [value >> 8, value & 0xff];
  return tagged(0x02, Buffer.from(bytes));
}

function oid(...bytes: number[]): Buffer {
  return tagged(0x06, Buffer.from(bytes));
}

function sequence(...parts: Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(parts));
}

function tagged(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([tag, ...sizeOf(content.length)]), content]);
}

/** As short as it can be, or strict readers refuse it. */
function sizeOf(length: number): number[] {
  if (length < 0x80) return [length];
  return length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
}
