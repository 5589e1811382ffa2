import { appendFileSync, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, test } from 'vitest';

/** What a test may need that `npm ci` does not bring: where to find it, and how to get it. */
const requirements = {
  'victoria-metrics': apt('victoria-metrics'),
  vmalert: apt('victoria-metrics', 'vmalert'),
  prometheus: apt('prometheus'),
  promtool: apt('prometheus', 'promtool'),
  'prometheus-alertmanager': apt('prometheus-alertmanager'),
  'prometheus-blackbox-exporter': apt('prometheus-blackbox-exporter'),
  nginx: apt('nginx'),
  squid: apt('squid'),
  ping: apt('iputils-ping', 'ping'),
  fping: apt('fping'),
  iproute2: apt('iproute2', 'ip'),
  nftables: apt('nftables', 'nft'),
  strace: apt('strace'),
  faketime: apt('faketime'),
  openssl: apt('openssl'),
  logrotate: apt('logrotate'),
  wrk: apt('wrk'),
  podman: apt('podman'),
  runc: apt('runc'),
  mmdebstrap: apt('mmdebstrap'),
  'docker-compose': apt('docker-compose'),
  'systemd-analyze': apt('systemd', 'systemd-analyze'),
  chromium: apt('chromium'),
  root: {
    present: () => process.getuid?.() === 0,
    remedy: 'run as root, in a container or virtual machine',
  },
  linux: { present: () => process.platform === 'linux', remedy: 'run on Linux' },
} satisfies Record<string, Requirement>;

interface Requirement {
  readonly present: () => boolean;
  readonly remedy: string;
}

export type RequirementName = keyof typeof requirements;

/**
 * `describe` for tests that need something real: `needs('nginx')('over nginx', () => …)`. Where it is
 * missing the tests are skipped by name and listed in the closing table; with
 * FARPOINT_TEST_REQUIRE=all, as in CI, a missing one is a failure.
 */
export function needs(
  ...names: readonly RequirementName[]
): typeof describe | typeof describe.skip {
  const missing = names.filter((name) => !requirements[name].present());
  if (missing.length === 0) return describe;
  if (process.env['FARPOINT_TEST_REQUIRE'] === 'all') {
    test(`needs ${missing.join(', ')}`, () => {
      throw new Error(
        missing.map((name) => `${name} is missing: ${requirements[name].remedy}`).join('\n'),
      );
    });
  }
  const table = process.env['FARPOINT_TEST_MISSING'];
  for (const name of missing) {
    if (table) appendFileSync(table, `${name}\t${requirements[name].remedy}\n`);
  }
  return describe.skip;
}

function apt(packageName: string, command: string = packageName): Requirement {
  return {
    present: () => onPath(command),
    remedy: `apt-get install -y --no-install-recommends ${packageName}`,
  };
}

/** Whether a command can be started by its name. */
export function onPath(command: string): boolean {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.some((folder) => existsSync(join(folder, command)));
}
