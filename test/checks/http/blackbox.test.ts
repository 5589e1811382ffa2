import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { http } from '#checks/http';
import { prometheusSeries, scrape } from '../../support/checks/prometheus-series.ts';
import { runCheck } from '../../support/checks/run-check.ts';
import { needs } from '../../support/needs.ts';
import { certify } from '../../support/servers/certificates.ts';
import {
  freePort,
  type RealServer,
  startBlackboxExporter,
  startNginx,
} from '../../support/servers/real-servers.ts';

const root = certify({ name: 'Test root', authority: true });
const identity = certify({ name: 'service', hosts: ['localhost', '127.0.0.1'], issuer: root });

/** Series whose values may differ: the time a run took, within this. */
const secondsTolerance = 1;

/**
 * What blackbox_exporter 0.23 emits and an http check does not, and why. probe_success and
 * probe_duration_seconds come with every result (lib/results), not from the check.
 */
const notEmitted: Readonly<Record<string, string>> = {
  probe_success: 'of every result',
  probe_duration_seconds: 'of every result',
  probe_ip_addr_hash: 'a number that means nothing to a person; the address is evidence',
  probe_ssl_last_chain_info: 'text would become labels; subject and fingerprint are evidence',
};

/** A redirect that is not followed is counted there, and its body is not. */
function countsDifferently(series: string, module: string): boolean {
  const differing = ['probe_http_redirects', 'probe_http_uncompressed_body_length'];
  return module === 'unfollowed' && differing.includes(series);
}

needs('nginx', 'prometheus-blackbox-exporter')('as blackbox_exporter sees it', () => {
  let nginx: RealServer;
  let blackbox: RealServer;
  let securePort: number;

  beforeAll(async () => {
    securePort = await freePort();
    nginx = await startNginx(({ port, directory }) => {
      writeFileSync(join(directory, 'cert.pem'), identity.certificate);
      writeFileSync(join(directory, 'key.pem'), identity.key);
      writeFileSync(join(directory, 'ca.pem'), root.certificate);
      writeFileSync(join(directory, 'page.html'), `<p>Sign in</p>${'x'.repeat(50_000)}`);
      writeFileSync(join(directory, 'large.bin'), Buffer.alloc(4 * 1024 * 1024, 'farpoint'));
      return `
        gzip on;
        gzip_types *;
        ssl_certificate cert.pem;
        ssl_certificate_key key.pem;
        server {
          listen 127.0.0.1:${port};
          listen 127.0.0.1:${securePort} ssl http2;
          root ${directory};
          location = / { return 200 "fine"; }
          location = /redirect { return 302 /page.html; }
          location = /twice { return 301 /redirect; }
          location = /broken { return 500 "sorry"; }
          location = /slow.bin { alias ${directory}/page.html; limit_rate 100k; }
        }`;
    });
    const ca = join(nginx.directory, 'ca.pem');
    const common = `preferred_ip_protocol: ip4, tls_config: { ca_file: ${ca} }`;
    blackbox = await startBlackboxExporter(`
  plain: { prober: http, timeout: 5s, http: { ${common} } }
  compressed: { prober: http, timeout: 5s, http: { ${common}, compression: gzip, headers: { Accept-Encoding: gzip } } }
  matching: { prober: http, timeout: 5s, http: { ${common}, fail_if_body_not_matches_regexp: ['Sign out'] } }
  unfollowed: { prober: http, timeout: 5s, http: { ${common}, follow_redirects: false, valid_status_codes: [302] } }
`);
  });
  afterAll(async () => {
    await nginx[Symbol.asyncDispose]();
    await blackbox[Symbol.asyncDispose]();
  });

  test.each([
    ['http', '/', 'plain', {}],
    ['https', '/', 'plain', {}],
    ['http', '/page.html', 'plain', {}],
    ['https', '/page.html', 'plain', {}],
    ['http', '/redirect', 'plain', {}],
    ['https', '/twice', 'plain', {}],
    ['http', '/redirect', 'unfollowed', { redirects: 0, expect: { status: [302] } }],
    ['http', '/missing', 'plain', {}],
    ['http', '/broken', 'plain', {}],
    ['http', '/page.html', 'compressed', { headers: { 'Accept-Encoding': 'gzip' } }],
    ['http', '/large.bin', 'plain', {}],
    ['https', '/large.bin', 'plain', {}],
    ['http', '/slow.bin', 'plain', {}],
    ['http', '/page.html', 'matching', { expect: { body: { matches: 'Sign out' } } }],
  ])('%s %s with module %s', async (scheme, path, module, settings) => {
    const port = scheme === 'http' ? nginx.port : securePort;
    const target = `${scheme}://localhost:${port}${path}`;
    const theirs = await scrape(
      `${blackbox.url}/probe?module=${module}&target=${encodeURIComponent(target)}`,
    );
    const observation = await runCheck(http, target, {
      tls: { ca: root.certificate },
      ...settings,
    });
    const ours = prometheusSeries(observation);

    expect(theirs.get('probe_success')).toBe(observation.verdict.status === 'up' ? 1 : 0);
    for (const [series, value] of theirs) {
      const [name = ''] = series.split('{');
      if (name in notEmitted || isAbsentPhase(series, value)) continue;
      if (countsDifferently(series, module)) continue;
      expect(ours.has(series), `${series} is missing`).toBe(true);
      const mine = ours.get(series) ?? Number.NaN;
      if (/_seconds/.test(name) && !/timestamp/.test(name)) {
        expect(Math.abs(mine - value), `${series}: ${mine} against ${value}`).toBeLessThan(
          secondsTolerance,
        );
      } else {
        expect(mine, series).toBe(value);
      }
    }
  });
});

/** A phase that was not reached is 0 there and absent here. */
function isAbsentPhase(series: string, value: number): boolean {
  return series === 'probe_http_duration_seconds{phase="tls"}' && value === 0;
}
