import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls';
import { expect, test } from 'vitest';
import { http } from '#checks/http';
import { tls } from '#checks/tls';
import { runCheck, valuesOf } from '../../support/checks/run-check.ts';
import { needs } from '../../support/needs.ts';
import { type Certified, certify } from '../../support/servers/certificates.ts';
import { freePort } from '../../support/servers/real-servers.ts';
import { serve, type Serving } from '../../support/servers/serve.ts';

const root = certify({ name: 'Test root', authority: true });
const hosts = ['127.0.0.1'];
const good = certify({ name: 'service', hosts, issuer: root });
const client = certify({ name: 'probe', issuer: root });
const identified = {
  tls: { ca: root.certificate, certificate: client.certificate, key: client.key },
};

/** Asks for a client certificate, and remembers what it is shown, also in a handshake that is broken off. */
async function asking(
  { certificate, key }: Certified,
  options: TlsOptions = {},
): Promise<Serving & { shown: string[]; connections: () => number }> {
  const shown: string[] = [];
  let connections = 0;
  const remember = (socket: TLSSocket): void => {
    const subject = socket.getPeerX509Certificate()?.subject;
    if (subject !== undefined) shown.push(subject);
  };
  const server = createServer(
    {
      cert: certificate,
      key,
      ca: root.certificate,
      requestCert: true,
      rejectUnauthorized: false,
      ...options,
    },
    (socket) => {
      remember(socket);
      socket.on('error', () => undefined);
      socket.once('data', () =>
        socket.end('HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nfine'),
      );
    },
  );
  server.on('tlsClientError', (_error, socket) => remember(socket));
  server.on('connection', () => (connections += 1));
  return { ...(await serve(server)), shown, connections: () => connections };
}

const impostors = {
  'is self-signed': [certify({ name: 'self', hosts }), 'tls_self_signed'],
  'is for another host': [
    certify({ name: 'other', hosts: ['elsewhere.test'], issuer: root }),
    'tls_hostname',
  ],
  'has expired': [
    certify({ name: 'old', hosts, issuer: root, from: -9, until: -2 }),
    'tls_expired',
  ],
} as const;

test.each(Object.entries(impostors))(
  'a server whose certificate %s does not get to see that of the client',
  async (_what, [certified, error]) => {
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      await using server = await asking(certified, { maxVersion });
      const target = `https://127.0.0.1:${server.port}/`;
      const { verdict, evidence, durationMs } = await runCheck(http, target, identified);
      expect(verdict).toMatchObject({ status: 'down', error });
      expect(evidence).toMatchObject({ certificate_subject: `CN=${certified.name}` });
      expect(durationMs).toBeGreaterThan(0);
      const alone = await runCheck(tls, `127.0.0.1:${server.port}`, identified);
      expect(alone.verdict).toMatchObject({ status: 'down', error });
      expect(server.shown).toEqual([]);
      expect(server.connections()).toBe(2);
    }
  },
);

test('one that has proved who it is sees it, over the connection that is measured', async () => {
  await using server = await asking(good);
  const observation = await runCheck(http, `https://127.0.0.1:${server.port}/`, identified);
  expect(observation.verdict).toEqual({ status: 'up' });
  expect(server.shown).toEqual(['CN=probe']);
  expect(server.connections()).toBe(2);
  expect(valuesOf(observation)).toMatchObject({ 'probe.http.redirects': 0 });
});

test('without a client certificate, and where any server is believed, there is one connection', async () => {
  await using server = await asking(good);
  const target = `https://127.0.0.1:${server.port}/`;
  await runCheck(http, target, { tls: { ca: root.certificate } });
  await runCheck(http, target, { tls: { ...identified.tls, verify: false } });
  expect(server.shown).toEqual(['CN=probe']);
  expect(server.connections()).toBe(2);
});

needs('openssl')('a server that insists within the handshake of TLS 1.2', () => {
  test.each([
    ['is believed by the certificate it has shown before', good, 'up', undefined],
    [
      'is refused by the certificate it has shown before',
      certify({ name: 'self', hosts }),
      'down',
      'tls_self_signed',
    ],
  ])('%s', async (_what, certified, status, error) => {
    await using server = await insisting(certified);
    const target = `127.0.0.1:${server.port}`;
    const { verdict, evidence } = await runCheck(tls, target, identified);
    expect(verdict).toMatchObject({ status, ...(error && { error }) });
    const anonymous = await runCheck(tls, target, { tls: { ca: root.certificate } });
    expect(anonymous.verdict).toMatchObject({ error: error ?? 'tls_handshake' });
    expect(anonymous.evidence).toMatchObject({ certificate_subject: `CN=${certified.name}` });
    expect(evidence).toMatchObject({ certificate_subject: `CN=${certified.name}` });
  });
});

/** OpenSSL's own server: Node's checks the client only after the handshake. */
async function insisting({
  certificate,
  key,
}: Certified): Promise<AsyncDisposable & { port: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'farpoint-insisting-'));
  const files = { cert: certificate, key, CAfile: root.certificate };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const port = await freePort();
  const named = Object.keys(files).flatMap((name) => [`-${name}`, join(folder, name)]);
  const insist = ['-Verify', '1', '-verify_return_error', '-tls1_2'];
  const child = spawn(
    'openssl',
    ['s_server', '-accept', `127.0.0.1:${port}`, ...named, ...insist],
    {
      stdio: ['pipe', 'pipe', 'ignore'],
    },
  );
  let said = '';
  for await (const piece of child.stdout) {
    said += String(piece);
    if (said.includes('ACCEPT')) break;
  }
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      child.kill();
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      rmSync(folder, { recursive: true });
    },
  };
}
