import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { createServer, type TlsOptions } from 'node:tls';
import { http } from '#checks/http';
import { tls } from '#checks/tls';
import { type Certified, certify } from '../support/servers/certificates.ts';
import { serve } from '../support/servers/serve.ts';
import { type Fault, ok, soon, type Trouble, type TroubleOptions } from './fault.ts';

const root = certify({ name: 'Test root', authority: true });
const intermediate = certify({ name: 'Test intermediate', authority: true, issuer: root });
const stranger = certify({ name: 'Unknown root', authority: true });
const hosts = ['localhost', '127.0.0.1'];
const good = certify({ name: 'good', hosts, issuer: root });

const weakKey = certify({ name: 'weak', hosts, issuer: root, weak: 'key' });
const weakSignature = certify({ name: 'sha1', hosts, issuer: root, weak: 'signature' });

const trust = { ca: root.certificate };

export const tlsFaults: readonly Fault[] = [
  {
    name: 'TLS: the certificate has expired',
    error: 'tls_expired',
    says: /localhost expired 2 days ago, at \d{4}-\d\d-\d\dT[\d:]{8}Z \(CERT/,
    open: () => presenting(certify({ name: 'old', hosts, issuer: root, from: -30, until: -2 })),
  },
  {
    name: 'TLS: the certificate has expired, three hours ago',
    error: 'tls_expired',
    says: /expired 3 hours ago/,
    open: () =>
      presenting(certify({ name: 'old', hosts, issuer: root, from: -30, until: -3.1 / 24 })),
  },
  {
    name: 'TLS: an intermediate certificate has expired',
    error: 'tls_expired',
    says: /of localhost is signed by one that expired 4 days ago, at .*: CN=old CA/,
    open: () => {
      const old = certify({ name: 'old CA', authority: true, issuer: root, from: -9, until: -4 });
      return presenting(certify({ name: 'leaf', hosts, issuer: old }), [old]);
    },
  },
  {
    name: 'TLS: the certificate has expired, and is for another host',
    error: 'tls_expired',
    says: /expired 2 days ago.*; besides, it is not for localhost but for DNS:elsewhere\.test/,
    open: () =>
      presenting(
        certify({ name: 'old', hosts: ['elsewhere.test'], issuer: root, from: -30, until: -2 }),
      ),
  },
  {
    name: 'TLS: the key is too short',
    error: 'tls_untrusted',
    says: /not trusted: the key of CN=weak is too weak: 1024 bits, where 2048 are the least/,
    open: () => presenting(weakKey, [], { server: { ciphers: 'DEFAULT@SECLEVEL=0' } }),
  },
  {
    name: 'TLS: the signature is of SHA-1',
    error: 'tls_untrusted',
    says: /not trusted: the signature of CN=sha1 is too weak: ecdsa-with-SHA1/,
    open: () => presenting(weakSignature, [], { server: { ciphers: 'DEFAULT@SECLEVEL=0' } }),
  },
  {
    name: 'TLS: the certificate has no name but its subject',
    error: 'tls_hostname',
    says: /names no host: it has no subjectAltName, and its subject \(CN=localhost\) does not count/,
    open: () => presenting(certify({ name: 'localhost', issuer: root })),
  },
  {
    name: 'TLS: the certificate is not valid yet',
    error: 'tls_not_yet_valid',
    says: /not valid yet: it will be in 47 hours, at .*, if it is .* now, as the clock here says/,
    open: () => presenting(certify({ name: 'young', hosts, issuer: root, from: 2, until: 30 })),
  },
  {
    name: 'TLS: the certificate is for another host',
    error: 'tls_hostname',
    says: /certificate is not for localhost but for DNS:elsewhere\.test$/,
    open: () => presenting(certify({ name: 'other', hosts: ['elsewhere.test'], issuer: root })),
  },
  {
    name: 'TLS: the certificate is self-signed',
    error: 'tls_self_signed',
    says: /is self-signed \(CN=self\); if it is meant to be, trust it with tls\.ca/,
    open: () => presenting(certify({ name: 'self', hosts })),
  },
  {
    name: 'TLS: the root is unknown',
    error: 'tls_untrusted',
    says: /no known root stands behind it: its chain leads to CN=Unknown root; .*tls\.ca/,
    open: () => presenting(certify({ name: 'strange', hosts, issuer: stranger }), [stranger]),
  },
  {
    name: 'TLS: the certificate is one for clients',
    error: 'tls_untrusted',
    says: /not trusted: it is not one for servers/,
    open: () => presenting(certify({ name: 'client', hosts, issuer: root, client: true })),
  },
  {
    name: 'TLS: the certificate is signed by one that may not sign',
    error: 'tls_untrusted',
    says: /one above it may not sign others/,
    open: () => presenting(certify({ name: 'below', hosts, issuer: good }), [good]),
  },
  {
    name: 'TLS: the intermediate certificate is missing',
    error: 'tls_incomplete_chain',
    says: /Test intermediate/,
    open: () => presenting(certify({ name: 'leaf', hosts, issuer: intermediate })),
  },
  {
    name: 'TLS: the certificate is about to expire',
    error: 'cert_expiring',
    open: () =>
      presenting(certify({ name: 'late', hosts, issuer: root, until: 3 }), [], {
        settings: { tls: trust, expect: { certificate: { days: 14 } } },
      }),
  },
  {
    name: 'TLS: an intermediate certificate is about to expire',
    error: 'cert_expiring',
    says: /the certificate of CN=late CA expires in 3\.0 days/,
    open: () => {
      const late = certify({ name: 'late CA', authority: true, issuer: root, until: 3 });
      return presenting(certify({ name: 'leaf', hosts, issuer: late }), [late], {
        settings: { tls: trust, expect: { certificate: { days: 14 } } },
      });
    },
  },
  {
    name: 'TLS: only a version too old',
    error: 'tls_protocol',
    open: () =>
      presenting(good, [], {
        server: { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' },
      }),
  },
  {
    name: 'TLS: only a version older than asked for',
    error: 'tls_protocol',
    open: () =>
      presenting(good, [], {
        server: { maxVersion: 'TLSv1.2' },
        settings: { tls: { ...trust, min: 1.3 } },
      }),
  },
  {
    name: 'TLS: a fatal alert',
    error: 'tls_handshake',
    open: () => talking((socket) => socket.end(Buffer.from('15030300020228', 'hex'))),
  },
  {
    name: 'TLS: plain HTTP on the port',
    error: 'tls_handshake',
    open: () => talking((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
  },
  {
    name: 'TLS: garbage',
    error: 'tls_handshake',
    open: () => talking((socket) => socket.end(Buffer.alloc(200, 0x2a))),
  },
  {
    name: 'TLS: hung up in the handshake',
    error: 'tls_handshake',
    open: () => talking((socket) => socket.end()),
  },
  {
    name: 'TLS: reset in the handshake',
    error: 'tls_handshake',
    open: () => talking((socket) => void socket.resetAndDestroy()),
  },
  {
    name: 'TLS: no answer to the handshake',
    error: 'tls_timeout',
    open: () => talking(() => undefined, { options: soon }),
  },
  {
    name: 'TLS: the server wants a client certificate',
    error: 'tls_handshake',
    open: () => presenting(good, [], { server: { requestCert: true, ca: root.certificate } }),
  },
  {
    name: 'TLS: HTTP/2 is asked for and not offered',
    error: 'http_version',
    says: /does not agree to HTTP\/2 \(ALPN\); .*set version: auto/,
    open: () =>
      presenting(good, [], {
        server: { ALPNProtocols: [] },
        settings: { tls: trust, version: 2 },
      }),
  },
  {
    name: 'TLS: HTTP/2 is asked of a server that breaks off over it',
    error: 'http_version',
    says: /does not agree to HTTP\/2 \(ALPN\); .*set version: auto/,
    open: () =>
      presenting(good, [], {
        server: { ALPNProtocols: ['http/1.1'] },
        settings: { tls: trust, version: 2 },
      }),
  },
  {
    name: 'TLS: HTTP/1.1 is asked of a server that speaks only HTTP/2',
    error: 'http_version',
    says: /does not agree to HTTP\/1\.1 \(ALPN\); .*set version: auto/,
    open: () =>
      presenting(good, [], {
        server: { ALPNProtocols: ['h2'] },
        settings: { tls: trust, version: 1.1 },
      }),
  },
  {
    name: 'tls check: the server breaks off because none of the protocols is its own',
    error: 'tls_protocol',
    says: /takes none of h2 \(ALPN\)/,
    open: async () => {
      const trouble = await presenting(good, [], {
        server: { ALPNProtocols: ['http/1.1'] },
        settings: { tls: trust, protocols: ['h2'] },
      });
      return { ...trouble, check: tls, target: new URL(trouble.target).host };
    },
  },
  {
    name: 'tls check: none of the protocols is taken',
    error: 'tls_protocol',
    open: async () => {
      const trouble = await presenting(good, [], { settings: { tls: trust, protocols: ['h2'] } });
      return { ...trouble, check: tls, target: new URL(trouble.target).host };
    },
  },
];

/** An https check against a server with this certificate, sent along with `chain`. */
async function presenting(
  { certificate, key }: Certified,
  chain: readonly Certified[] = [],
  options: TroubleOptions & { readonly server?: TlsOptions } = {},
): Promise<Trouble> {
  const cert = [certificate, ...chain.map((link) => link.certificate)].join('');
  const server = createServer({ cert, key, ...options.server }, (socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(ok('fine')));
  });
  server.on('tlsClientError', () => undefined);
  return httpsTrouble(server, { settings: { tls: trust }, ...options });
}

async function talking(
  answer: (socket: Socket) => void,
  options: TroubleOptions = {},
): Promise<Trouble> {
  const server = createTcpServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => answer(socket));
  });
  return httpsTrouble(server, options);
}

async function httpsTrouble(
  server: Server,
  { settings, options }: TroubleOptions,
): Promise<Trouble> {
  const serving = await serve(server);
  return {
    check: http,
    target: `https://localhost:${serving.port}/`,
    ...(settings && { settings }),
    ...(options && { options }),
    [Symbol.asyncDispose]: () => serving[Symbol.asyncDispose](),
  };
}
