import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadAgentConfiguration } from '#agent/config';
import { http } from '#checks/http';
import type { HttpSettings } from '#checks/http/settings';
import type { Observation } from '#lib/observation';
import { services, valuesOf } from '../../support/checks/run-check.ts';
import { needs } from '../../support/needs.ts';
import { certify } from '../../support/servers/certificates.ts';
import { freePort, type RealServer, startNginx } from '../../support/servers/real-servers.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const example = join(import.meta.dirname, '../../../examples/agent-http.yaml');
const root = certify({ name: 'Test root', authority: true });
const identity = certify({ name: 'shop', hosts: ['shop.example.org'], issuer: root });
const found = JSON.stringify({
  status: 'ok',
  hits: Array.from({ length: 10 }, (_, id) => id),
  index: { bytes: 3.5e13, records: 123_456, age_seconds: 42 },
});

/** A shop as the example expects it. */
needs('nginx')('examples/agent-http.yaml, against a shop that is as it should be', () => {
  let nginx: RealServer;
  let securePort: number;

  beforeAll(async () => {
    securePort = await freePort();
    nginx = await startNginx(
      ({ port, directory }) => {
        writeFileSync(join(directory, 'cert.pem'), identity.certificate);
        writeFileSync(join(directory, 'key.pem'), identity.key);
        const page = '<b id="product-count">1,204</b> products. Add to basket';
        writeFileSync(join(directory, 'index.html'), page.padEnd(5000));
        writeFileSync(join(directory, 'catalogue.bin'), Buffer.alloc(4 * 1024 * 1024, 'farpoint'));
        return `
          types { text/html html; application/json json; }
          gzip on;
          ssl_certificate cert.pem;
          ssl_certificate_key key.pem;
          server {
            listen 127.0.0.1:${port};
            location / { return 301 https://shop.example.org/; }
            location = /nginx_status { stub_status; }
          }
          server {
            listen 127.0.0.1:${securePort} ssl http2;
            root ${directory};
            location = /api/search {
              if ($request_method != POST) { return 405; }
              if ($http_authorization != "Bearer example") { return 401; }
              return 200 '${found}';
            }
          }`;
      },
      { readyPath: '/nginx_status' },
    );
  });
  afterAll(() => nginx[Symbol.asyncDispose]());

  test.each([
    ['page', { 'probe.http.version': 2, 'probe.value{name=products,unit={product}}': 1204 }],
    [
      'api',
      {
        'probe.value{name=index,unit=By}': 3.5e13,
        'probe.value{name=records,unit={record}}': 123_456,
        'probe.value{name=age,unit=s}': 42,
      },
    ],
    ['download', { 'probe.http.body.size': 4 * 1024 * 1024 }],
    ['moved', { 'probe.http.status.code': 301 }],
    ['nginx', { 'probe.value{name=active,unit={connection}}': expect.any(Number) as number }],
  ])('%s is up', async (name, values) => {
    const observation = await runExample(name, { plain: nginx.port, secure: securePort });
    expect(observation.verdict).toEqual({ status: 'up' });
    expect(valuesOf(observation)).toMatchObject(values);
  });
});

/** Runs a check of the example as it stands there, against the servers of this test. */
async function runExample(
  name: string,
  ports: { readonly plain: number; readonly secure: number },
): Promise<Observation> {
  using folder = temporaryFolder();
  const file = join(folder.path, 'agent.yaml');
  writeFileSync(file, readFileSync(example, 'utf8').replace(/\$\{file:.*?\}/, 'id.secret'));
  const { plans } = loadAgentConfiguration(file, { env: {}, resolve: true });
  const plan = plans.find(({ check }) => check === name);
  const url = new URL(plan?.target ?? '');
  url.port = String(url.protocol === 'https:' ? ports.secure : ports.plain);
  url.hostname = '127.0.0.1';
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the type's own schema made them
  const settings = plan?.settings as HttpSettings;
  const tls = { ...settings.tls, ca: root.certificate, name: 'shop.example.org' };
  // How fast a busy test machine is, is not the example's business.
  const expected = { ...settings.expect, time: undefined };
  const check = await http.create(
    {
      name,
      target: url.href,
      settings: { ...settings, tls, expect: expected },
      timeoutMs: 10_000,
    },
    services,
  );
  const signal = AbortSignal.timeout(10_000);
  return await check.run({ signal, state: undefined, waiting: () => undefined });
}
