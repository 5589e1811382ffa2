import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { http } from '#checks/http';
import type { Observation } from '#lib/observation';
import { runCheck, valuesOf } from '../../support/checks/run-check.ts';
import { needs } from '../../support/needs.ts';
import { certify } from '../../support/servers/certificates.ts';
import {
  freePort,
  type RealServer,
  startNginx,
  startSquid,
} from '../../support/servers/real-servers.ts';

const root = certify({ name: 'Test root', authority: true });
const identity = certify({ name: 'service', hosts: ['localhost', '127.0.0.1'], issuer: root });
const client = certify({ name: 'probe', issuer: root });
const trust = { ca: root.certificate };

needs('nginx')('nginx', () => {
  let nginx: RealServer;
  const ports = { http2: 0, clients: 0 };

  beforeAll(async () => {
    ports.http2 = await freePort();
    ports.clients = await freePort();
    nginx = await startNginx(({ port, directory }) => {
      writeFileSync(join(directory, 'cert.pem'), identity.certificate);
      writeFileSync(join(directory, 'key.pem'), identity.key);
      writeFileSync(join(directory, 'ca.pem'), root.certificate);
      writeFileSync(join(directory, 'large.bin'), Buffer.alloc(8 * 1024 * 1024, 'farpoint'));
      return `
        ssl_certificate cert.pem;
        ssl_certificate_key key.pem;
        server {
          listen 127.0.0.1:${port};
          listen [::1]:${port};
          root ${directory};
          location = / { return 200 "fine"; }
          location = /status { stub_status; }
        }
        server {
          listen 127.0.0.1:${ports.http2} ssl http2;
          root ${directory};
          location = / { return 200 "fine"; }
        }
        server {
          listen 127.0.0.1:${ports.clients} ssl;
          ssl_client_certificate ca.pem;
          ssl_verify_client on;
          location = / { return 200 "$ssl_client_s_dn"; }
        }`;
    });
  });
  afterAll(() => nginx[Symbol.asyncDispose]());

  test('HTTP/2 where TLS agrees on it', async () => {
    const settings = { tls: trust, expect: { version: [2], body: { contains: 'fine' } } };
    const observation = await runCheck(http, `https://localhost:${ports.http2}/`, settings);
    expect(observation.verdict).toEqual({ status: 'up' });
    expect(valuesOf(observation)).toMatchObject({
      'probe.http.version': 2,
      'probe.http.ssl': 1,
      'probe.http.content.length': 4,
    });
    expect(observation.evidence).toMatchObject({ tls_alpn: 'h2' });
  });

  test('HTTP/1.1 where it is asked for', async () => {
    const settings = { tls: trust, version: 1.1, expect: { version: [1.1] } };
    const { verdict } = await runCheck(http, `https://localhost:${ports.http2}/`, settings);
    expect(verdict).toEqual({ status: 'up' });
  });

  test.each([
    ['http', 1.1],
    ['https', 1.1],
    ['https', 2],
  ])('8 MiB over %s by HTTP/%d: bytes, checksum, throughput', async (scheme, version) => {
    const port = scheme === 'http' ? nginx.port : ports.http2;
    const observation = await runCheck(http, `${scheme}://localhost:${port}/large.bin`, {
      tls: trust,
      version,
      expect: {
        size: { min: '8MiB', max: '8MiB' },
        sha256: 'bfa621679fab2781bbfa13cffca51a6f2bd6ab0d196d37d762dbe5c786d65041',
        throughput: { min: '1MiB' },
      },
    });
    expect(valuesOf(observation)).toMatchObject({
      'probe.http.body.size': 8 * 1024 * 1024,
      'probe.http.version': version,
    });
    expect(valuesOf(observation)['probe.http.throughput']).toBeGreaterThan(1024 * 1024);
  });

  test('a client certificate, from text and from files', async () => {
    const files = {
      certificate: join(nginx.directory, 'c.pem'),
      key: join(nginx.directory, 'k.pem'),
    };
    writeFileSync(files.certificate, client.certificate);
    writeFileSync(files.key, client.key);
    const expected = { expect: { body: { contains: 'CN=probe' } } };
    const target = `https://localhost:${ports.clients}/`;
    const inline = { certificate: client.certificate, key: client.key };
    for (const identified of [inline, files]) {
      const { verdict } = await runCheck(http, target, {
        tls: { ...trust, ...identified },
        ...expected,
      });
      expect(verdict).toEqual({ status: 'up' });
    }
    const without = await runCheck(http, target, { tls: trust });
    expect(without.verdict).toMatchObject({ error: 'http_status' });
  });

  test('over IPv6', async () => {
    const observation = await runCheck(http, `http://localhost:${nginx.port}/`, { ip: 6 });
    expect(observation.verdict).toEqual({ status: 'up' });
    expect(valuesOf(observation)).toMatchObject({ 'probe.ip.protocol': 6 });
    const literal = await runCheck(http, `http://[::1]:${nginx.port}/`);
    expect(literal.verdict).toEqual({ status: 'up' });
  });

  test('figures of stub_status', async () => {
    const observation = await runCheck(http, `${nginx.url}/status`, {
      values: {
        active: { regex: 'Active connections: (\\d+)', expect: { min: 1, max: 10 } },
        requests: { regex: '\\n \\d+ \\d+ (\\d+)' },
      },
    });
    expect(observation.verdict).toEqual({ status: 'up' });
    expect(valuesOf(observation)['probe.value{name=active,unit=}']).toBeGreaterThanOrEqual(1);
  });
});

needs('nginx', 'squid')('squid', () => {
  let nginx: RealServer;
  let squid: RealServer;
  let securePort: number;

  beforeAll(async () => {
    securePort = await freePort();
    squid = await startSquid();
    nginx = await startNginx(({ port, directory }) => {
      writeFileSync(join(directory, 'cert.pem'), identity.certificate);
      writeFileSync(join(directory, 'key.pem'), identity.key);
      return `server {
        listen 127.0.0.1:${port};
        listen 127.0.0.1:${securePort} ssl http2;
        ssl_certificate cert.pem;
        ssl_certificate_key key.pem;
        location = / { return 200 "$http_via"; }
      }`;
    });
  });
  afterAll(async () => {
    await nginx[Symbol.asyncDispose]();
    await squid[Symbol.asyncDispose]();
  });

  const through = (url: string): Promise<Observation> =>
    runCheck(http, url, { proxy: squid.url, tls: trust });

  test('https goes through by CONNECT, and the certificate is that of the service', async () => {
    const observation = await through(`https://localhost:${securePort}/`);
    expect(observation.verdict).toEqual({ status: 'up' });
    expect(observation.evidence).toMatchObject({ certificate_subject: 'CN=service' });
    expect(valuesOf(observation)).toMatchObject({ 'probe.http.version': 2 });
  });

  test('http goes through as a whole URL', async () => {
    const observation = await through(`http://127.0.0.1:${nginx.port}/`);
    expect(observation.verdict).toEqual({ status: 'up' });
    expect(observation.evidence?.['header_via']).toMatch(/squid/);
  });

  test('what the proxy denies is its refusal', async () => {
    const { verdict } = await through('https://192.0.2.1/');
    expect(verdict).toMatchObject({
      error: 'proxy_refused',
      message: expect.stringMatching(/403/),
    });
  });
});
