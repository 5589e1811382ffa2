import { afterAll, beforeAll, expect, test } from 'vitest';
import { ping } from '#checks/ping';
import { prometheusSeries, scrape } from '../../support/checks/prometheus-series.ts';
import { runCheck } from '../../support/checks/run-check.ts';
import { needs } from '../../support/needs.ts';
import { type Network, openNetwork } from '../../support/network/network.ts';
import { type RealServer, startBlackboxExporter } from '../../support/servers/real-servers.ts';

/**
 * What blackbox_exporter 0.23 emits and a ping check does not, and why. probe_success and
 * probe_duration_seconds come with every result (lib/results), not from the check.
 */
const notEmitted: Readonly<Record<string, string>> = {
  probe_success: 'of every result',
  probe_duration_seconds: 'of every result',
  probe_ip_addr_hash: 'a number that means nothing to a person; the address is evidence',
};

/** Both take less than this on one machine, however loaded. */
const secondsTolerance = 0.25;

needs(
  'root',
  'linux',
  'iproute2',
  'prometheus-blackbox-exporter',
)('ping as blackbox_exporter sees it', () => {
  let network: Network;
  let home: Disposable;
  let blackbox: RealServer;

  beforeAll(async () => {
    network = openNetwork();
    home = network.near.enter();
    blackbox = await startBlackboxExporter(`
  icmp4: { prober: icmp, timeout: 2s, icmp: { preferred_ip_protocol: ip4 } }
  icmp6: { prober: icmp, timeout: 2s, icmp: { preferred_ip_protocol: ip6 } }
  nearby: { prober: icmp, timeout: 200ms, icmp: { preferred_ip_protocol: ip4, ttl: 1 } }
`);
  });

  afterAll(async () => {
    await blackbox[Symbol.asyncDispose]();
    home[Symbol.dispose]();
    network[Symbol.dispose]();
  });

  test.each([
    ['10.89.2.2', 'icmp4', {}],
    ['fd89:2::2', 'icmp6', {}],
    ['localhost', 'icmp4', {}],
    ['10.89.2.2', 'nearby', { ttl: 1, wait: '200ms' }],
  ])('%s with module %s', async (target, module, settings) => {
    const theirs = await scrape(`${blackbox.url}/probe?module=${module}&target=${target}`);
    const observation = await runCheck(ping, target, { count: 1, ...settings });
    const ours = prometheusSeries(observation);
    expect(theirs.get('probe_success')).toBe(observation.verdict.status === 'up' ? 1 : 0);
    for (const [series, value] of theirs) {
      const [name = ''] = series.split('{');
      if (name in notEmitted || isAbsentRoundTrip(series, value)) continue;
      expect(ours.has(series), `${series} is missing`).toBe(true);
      const mine = ours.get(series) ?? Number.NaN;
      if (name.endsWith('_seconds')) {
        expect(Math.abs(mine - value), series).toBeLessThan(secondsTolerance);
      } else {
        expect(mine, series).toBe(value);
      }
    }
  });
});

/** A round trip that nothing came back from is 0 there and absent here. */
function isAbsentRoundTrip(series: string, value: number): boolean {
  return series === 'probe_icmp_duration_seconds{phase="rtt"}' && value === 0;
}
