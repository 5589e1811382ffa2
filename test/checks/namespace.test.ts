import { execFile, execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { routeFaults } from '../faults/route.ts';
import { program } from '../support/farpoint.ts';
import { needs } from '../support/needs.ts';

const run = promisify(execFile);
const verdictOf = join(import.meta.dirname, '../programs/verdict-of.ts');
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

  test.concurrent.each(routeFaults)('$name: $error', async ({ type, target, error }) => {
    expect(await inside(process.execPath, verdictOf, type, target)).toContain(`"error":"${error}"`);
  });

  test('farpoint probe keeps to the default policy', async () => {
    const target = 'http://169.254.169.254/';
    const output = await inside(process.execPath, program, 'probe', 'http', target);
    expect(output).toMatch(/^UNKNOWN .*\negress_denied: /);
  });
});

/** What a command prints inside the namespace, whatever its exit code. */
async function inside(...command: readonly string[]): Promise<string> {
  const { stdout } = await run('ip', ['netns', 'exec', prober, ...command]).catch(
    (failed: { stdout: string }) => failed,
  );
  return stdout;
}
