import { execFile, execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { needs } from '../support/needs.ts';

const run = promisify(execFile);
const program = join(import.meta.dirname, '../programs/verdict-of.ts');
const prober = `fp-prober-${process.pid}`;
const router = `fp-router-${process.pid}`;

/** Two namespaces, and no way out of them: whatever is probed, nothing leaves this machine. */
const wiring = [
  `netns add ${prober}`,
  `netns add ${router}`,
  `-n ${prober} link set lo up`,
  `-n ${router} link set lo up`,
  `-n ${prober} link add up0 type veth peer name down0 netns ${router}`,
  `-n ${prober} addr add 10.99.0.1/24 dev up0`,
  `-n ${router} addr add 10.99.0.2/24 dev down0`,
  `-n ${prober} link set up0 up`,
  `-n ${router} link set down0 up`,
  `-n ${prober} route add default via 10.99.0.2`,
  `-n ${router} route add blackhole 10.98.1.0/24`,
  `-n ${router} route add unreachable 10.98.2.0/24`,
  `netns exec ${router} sysctl -qw net.ipv4.ip_forward=1`,
];

needs(
  'linux',
  'root',
  'iproute2',
)('in a network of its own', () => {
  beforeAll(() => {
    for (const command of wiring) execFileSync('ip', command.split(' '));
  });
  afterAll(() => {
    for (const name of [prober, router]) execFileSync('ip', ['netns', 'delete', name]);
  });

  test.concurrent.each([
    ['a router that says nothing', 'http://10.98.1.1/', 'down', 'connect_timeout'],
    ['a router that knows no such host', 'http://10.98.2.1/', 'down', 'host_unreachable'],
    ['a router that knows no such network', 'http://10.97.0.1/', 'down', 'net_unreachable'],
    ['nobody at the port', 'http://10.99.0.2:81/', 'down', 'connect_refused'],
    ['no route from here', 'http://[2001:db8::1]/', 'unknown', 'agent_no_network'],
    ['a metadata service', 'http://169.254.169.254/latest/', 'unknown', 'egress_denied'],
  ])('%s: %s is %s, %s', async (_what, target, status, error) => {
    expect(await probe(target)).toMatchObject({ status, error });
  });
});

async function probe(target: string): Promise<unknown> {
  const inside = ['netns', 'exec', prober, process.execPath, program, target];
  const { stdout } = await run('ip', inside);
  return JSON.parse(stdout);
}
