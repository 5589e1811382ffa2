import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { findDefaultGateway } from '#checks/net/default-gateway';

const folder = mkdtempSync(join(tmpdir(), 'farpoint-routes-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** As Linux prints its routes, addresses in the byte order of a little-endian host. */
const head =
  'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT   \n';
const local = 'eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0  \n';
const preferred = 'eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0  \n';
const spare = 'wlan0\t00000000\t0133A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0  \n';
const half = 'tun0\t00000000\t01000A0A\t0003\t0\t0\t0\t00000080\t0\t0\t0  \n';
const direct = 'ppp0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0  \n';

test.each([
  ['the only one', [local, preferred], '192.0.2.1'],
  ['the one with the lowest metric', [spare, preferred], '192.0.2.1'],
  ['none, where half of all addresses have one', [half], undefined],
  ['none, where the line has only one end', [direct], undefined],
  ['none', [local], undefined],
])('the default gateway: %s', (name, routes, gateway) => {
  const file = join(folder, name);
  writeFileSync(file, head + routes.join(''));
  expect(findDefaultGateway(file)).toBe(gateway);
});

test('the default gateway of a system that does not say', () => {
  expect(findDefaultGateway(join(folder, 'absent'))).toBeUndefined();
});
