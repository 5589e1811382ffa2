import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { CheckServices } from '#checks/check';
import { ping } from '#checks/ping';
import { openPinger } from '#checks/ping/open';
import type { EchoReport, Pinger } from '#checks/ping/pinger';
import { openSystemBinary } from '#checks/ping/system-binary';
import type { Observation } from '#lib/observation';
import { binomialBounds } from '../../support/checks/binomial.ts';
import { echoPlan } from '../../support/checks/echo-plan.ts';
import { formatObservations } from '../../support/checks/formatted-observation.ts';
import { runCheck, services, valuesOf } from '../../support/checks/run-check.ts';
import { needs } from '../../support/needs.ts';
import { type EchoRequest, openResponder } from '../../support/network/echo-responder.ts';
import { type Network, openNetwork } from '../../support/network/network.ts';
import { address as record, serveDns } from '../../support/servers/dns-server.ts';

needs(
  'root',
  'linux',
  'iproute2',
  'nftables',
  'ping',
)('ping over a network', () => {
  let network: Network;
  let home: Disposable;
  const pingers = new Map<string, Pinger>();

  beforeAll(async () => {
    network = openNetwork();
    home = network.near.enter();
    network.near.sysctl('net.ipv4.ping_group_range', '1 0');
    pingers.set('raw', await openPinger({ clock: services.clock, packetsPerSecondMax: 20_000 }));
    network.near.sysctl('net.ipv4.ping_group_range', '0 2147483647');
    pingers.set(
      'datagram',
      await openPinger({ clock: services.clock, packetsPerSecondMax: 20_000 }),
    );
  });

  afterEach(() => network.router.filter(''));

  afterAll(async () => {
    for (const pinger of pingers.values()) await pinger[Symbol.asyncDispose]();
    home[Symbol.dispose]();
    network[Symbol.dispose]();
  });

  /** Services whose pinger is one of ours. */
  function served(kind: string = 'datagram'): CheckServices {
    return { ...services, shared: async () => pingers.get(kind) as never };
  }

  test('golden: everything a run may tell', async () => {
    const look = (settings: object): Promise<Observation> => {
      const all = { gap: '10ms', wait: '100ms', ...settings };
      return runCheck(ping, '10.89.2.2', all, { services: served() });
    };
    const up = await look({});
    const refused = await look({ source: 'missing0' });
    const expired = await look({ ttl: 1 });
    using _responder = openResponder(network.far, 4, (request) => {
      if (request.number % 2 === 0) request.reply();
      if (request.number === 0) request.reply();
    });
    const lossy = await look({ count: 4, wait: '2s', expect: { loss: { max: 0.25 } } });
    await expect(
      formatObservations({
        up,
        'half is lost, one comes twice': lossy,
        'a router gives up': expired,
        'an interface that this host has not': refused,
      }),
    ).toMatchFileSnapshot('../../golden/ping.txt');
  });

  test('a host that changes its address is followed from the next run on', async () => {
    let address = '10.89.2.2';
    await using server = await serveDns(({ type }) => ({
      records: type === 'A' ? [record(address)] : [],
    }));
    const check = await ping.create(
      {
        name: 'moving',
        target: 'moving.example',
        settings: ping.settings.parse({ count: 1, wait: '100ms', resolvers: [server.address] }),
        timeoutMs: 10_000,
      },
      served(),
    );
    const seen: unknown[] = [];
    for (address of ['10.89.2.2', '10.89.2.99', '10.89.1.1']) {
      const run = { signal: AbortSignal.timeout(10_000), state: undefined, waiting() {} };
      const { verdict, evidence } = await check.run(run);
      seen.push([verdict.status, evidence?.['address']]);
    }
    expect(seen).toEqual([
      ['up', '10.89.2.2'],
      ['down', '10.89.2.99'],
      ['up', '10.89.1.1'],
    ]);
  });

  test('a reply after its time is late, and its packet lost', async () => {
    using _responder = openResponder(network.far, 4, (request) =>
      request.reply({ delayMs: request.number === 0 ? 3000 : 0 }),
    );
    const settings = { count: 2, gap: '4s', wait: '2s' };
    const observation = await runCheck(ping, '10.89.2.2', settings, { services: served() });
    expect(valuesOf(observation)).toMatchObject(packets({ sent: 2, received: 1, late: 1 }));
  });

  test("the system's ping answers before the run is cut off, whatever it is to wait", async () => {
    const binary = await openSystemBinary();
    if ('unavailable' in binary) throw new Error(binary.unavailable);
    network.router.filter(`chain forward {
      type filter hook forward priority 0; ip daddr 10.89.2.2 drop;
    }`);
    const plan = echoPlan({ address: '10.89.2.2', count: 2, waitMs: 20_000, timeLeftMs: 1500 });
    const report = await binary.echo(plan, AbortSignal.timeout(10_000));
    expect(report).toMatchObject({ sent: 2, replies: [] });
  });

  describe.each([
    { kind: 'datagram', family: 4 },
    { kind: 'datagram', family: 6 },
    { kind: 'raw', family: 4 },
    { kind: 'raw', family: 6 },
  ] as const)('by a $kind socket over IPv$family', ({ kind, family }) => {
    const ip = family === 4 ? 'ip' : 'ip6';
    const target = family === 4 ? '10.89.2.2' : 'fd89:2::2';
    const there = `${ip} daddr ${target}`;
    const back = `${ip} saddr ${target}`;

    test('counts, times and judges', async () => {
      const observation = await look({ count: 4, gap: '10ms' });
      expect(observation.verdict).toEqual({ status: 'up' });
      const values = valuesOf(observation);
      expect(values).toMatchObject({
        [`probe.icmp.mode.info{mode=${kind}}`]: 1,
        'probe.ip.protocol': family,
        'probe.icmp.reply.hop.limit': 63,
        'probe.icmp.loss': 0,
        ...packets({ sent: 4, received: 4 }),
      });
      const median = Number(values['probe.icmp.duration.rtt.median']);
      expect(median).toBeGreaterThan(0);
      expect(median).toBeLessThan(0.01);
    });

    test.each([
      [0, 'accept'],
      [5, 'numgen random mod 100 < 5 drop'],
      [20, 'numgen random mod 100 < 20 drop'],
      [80, 'numgen random mod 100 < 80 drop'],
      [100, 'drop'],
    ])('measures a loss of %d %% (%s)', async (percent, rule) => {
      forward(`${there} ${rule}`);
      const reports = await Promise.all(Array.from({ length: 100 }, () => echo({ count: 20 })));
      const sent = sum(reports.map((report) => report.sent));
      const lost = sent - sum(reports.map((report) => report.replies.length));
      expect(sent).toBe(2000);
      const [low, high] = binomialBounds(sent, percent / 100);
      expect(lost).toBeGreaterThanOrEqual(low);
      expect(lost).toBeLessThanOrEqual(high);
    });

    test('is down when only the way back is cut', async () => {
      forward(`${back} drop`);
      const { verdict } = await look({ wait: '50ms' });
      expect(verdict).toEqual({
        status: 'down',
        error: 'icmp_timeout',
        message: '3 of 3 packets lost, no reply within 50 ms',
      });
    });

    test('comes back after each of twenty outages', async () => {
      const seen: string[] = [];
      for (let outage = 0; outage < 20; outage++) {
        forward(`${there} drop`);
        seen.push((await look({ count: 1, wait: '30ms' })).verdict.status);
        network.router.filter('');
        seen.push((await look({ count: 1 })).verdict.status);
      }
      expect(seen).toEqual(Array.from({ length: 20 }, () => ['down', 'up']).flat());
    });

    test('never shows a target the same identifier in two runs', async () => {
      const identifiers: number[] = [];
      using _responder = openResponder(network.far, family, (request) => {
        identifiers.push(request.identifier);
        request.reply();
      });
      await look({ count: 2 });
      await delay(1000);
      await look({ count: 2 });
      expect(identifiers).toHaveLength(4);
      expect(new Set(identifiers).size).toBe(2);
    });

    test('counts duplicates', async () => {
      const observation = await answered({ count: 3 }, (request) => {
        request.reply();
        if (request.number < 2) request.reply();
      });
      expect(observation.verdict).toEqual({ status: 'up' });
      expect(valuesOf(observation)).toMatchObject(packets({ sent: 3, received: 3, duplicate: 2 }));
    });

    test('counts replies that were overtaken', async () => {
      const held: EchoRequest[] = [];
      const observation = await answered({ count: 3, gap: '20ms' }, (request) => {
        if (request.number === 0) held.push(request);
        else request.reply();
        if (request.number === 2) held.pop()?.reply();
      });
      expect(observation.verdict).toEqual({ status: 'up' });
      expect(valuesOf(observation)).toMatchObject(packets({ sent: 3, received: 3, reordered: 1 }));
    });

    test('a damaged reply does not count as one', async () => {
      const observation = await answered({ count: 1 }, (request) => {
        request.reply({ corrupt: true });
        request.reply();
      });
      expect(valuesOf(observation)).toMatchObject(packets({ sent: 1, received: 1, corrupted: 1 }));
    });

    if (kind === 'datagram') {
      test('a reply from another address does not count, and is named', async () => {
        const other = family === 4 ? '10.89.2.3' : 'fd89:2::3';
        network.far.run(`ip address replace ${other}/${family === 4 ? 24 : 64} dev wan`);
        const { verdict } = await answered({ count: 1, wait: '2s' }, (request) =>
          request.reply({ from: other }),
        );
        expect(verdict).toEqual({
          status: 'down',
          error: 'icmp_unreachable',
          message: `1 of 1 packets lost: answered by another address, ${other}`,
        });
      });
    }

    test('names the router that says it is unreachable', async () => {
      const type = family === 4 ? 'icmp type host-prohibited' : 'icmpv6 type admin-prohibited';
      forward(`${there} reject with ${type}`);
      const { verdict } = await look({ wait: '50ms' });
      const what = family === 4 ? 'host prohibited' : 'communication prohibited by a filter';
      expect(verdict).toEqual({
        status: 'down',
        error: 'icmp_unreachable',
        message: `3 of 3 packets lost: ${what} from ${network.router.address[family]}`,
      });
    });

    test('names the router at which the time to live ended', async () => {
      const { verdict } = await look({ ttl: 1, wait: '50ms' });
      expect(verdict).toEqual({
        status: 'down',
        error: 'icmp_ttl_exceeded',
        message: `3 of 3 packets lost: time to live exceeded at ${network.router.address[family]}`,
      });
    });

    test('names the router at which a packet is too big, in every run', async () => {
      network.router.run('ip link set right mtu 1300');
      for (let run = 0; run < 2; run++) {
        const { verdict } = await look({ size: 1400, fragment: false, wait: '50ms' });
        expect(verdict).toEqual({
          status: 'down',
          error: 'icmp_unreachable',
          message: `3 of 3 packets lost: packet too big for the path, whose MTU is 1300 at ${network.router.address[family]}`,
        });
      }
      network.router.run('ip link set right mtu 1500');
      expect((await look({ size: 1400, fragment: false })).verdict).toEqual({ status: 'up' });
    });

    test('large packets come back whole', async () => {
      const observation = await look({ size: 20_000, count: 2 });
      expect(valuesOf(observation)).toMatchObject(packets({ sent: 2, received: 2 }));
    });

    // The kernel does not tell a datagram socket when its firewall drops an IPv6 packet.
    if (kind === 'raw' || family === 4) {
      test("is unknown when this host's firewall denies the packets", async () => {
        network.near.filter(`chain output { type filter hook output priority 0; ${there} drop; }`);
        const { verdict } = await look({ count: 1, wait: '20ms' });
        network.near.filter('');
        expect(verdict).toMatchObject({ status: 'unknown', error: 'egress_denied' });
      });
    }

    test.each([
      ['packets larger than its link takes', { size: 3000, fragment: false }],
      ['an address that it has not', { source: family === 4 ? '10.89.9.9' : 'fd89:9::9' }],
      ['an interface that it has not', { source: 'missing0' }],
    ])('is unknown when this host cannot send %s', async (_, settings) => {
      const { verdict } = await look({ ...settings, count: 1, wait: '20ms' });
      expect(verdict).toMatchObject({ status: 'unknown', error: 'icmp_unavailable' });
    });

    test('says when this host has no route', async () => {
      network.near.run(`ip -${family} route delete default`);
      const { verdict } = await look({ wait: '20ms' });
      network.near.run(`ip -${family} route add default via ${network.router.address[family]}`);
      expect(verdict).toMatchObject({ status: 'down', error: 'net_unreachable' });
    });

    test('one unreachable host does not spoil packets to another', async () => {
      forward(`${there} reject`);
      const router = network.router.address[family];
      const runs = Array.from({ length: 20 }, (_, index) =>
        index % 2 === 0 ? look({ wait: '50ms' }) : look({}, router),
      );
      const statuses = (await Promise.all(runs)).map(({ verdict }) => verdict.status);
      expect(statuses).toEqual(runs.map((_, index) => (index % 2 === 0 ? 'down' : 'up')));
    });

    test('sends from the address or interface it is told to', async () => {
      const second = family === 4 ? '10.89.1.9' : 'fd89:1::9';
      network.near.run(`ip address replace ${second}/${family === 4 ? 24 : 64} dev wan`);
      forward(`${ip} saddr ${network.near.address[family]} drop`);
      expect((await look({ source: second })).verdict).toEqual({ status: 'up' });
      network.router.filter('');
      expect((await look({ source: 'wan' })).verdict).toEqual({ status: 'up' });
    });

    test('a blocked event loop neither delays nor loses a reply', async () => {
      const run = look({ count: 1, wait: '100ms' });
      await delay(15);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
      const observation = await run;
      expect(observation.verdict).toEqual({ status: 'up' });
      expect(Number(valuesOf(observation)['probe.icmp.duration.rtt.max'])).toBeLessThan(0.05);
    });

    /** Rules for what the router passes on. */
    function forward(rule: string): void {
      network.router.filter(`chain forward { type filter hook forward priority 0; ${rule}; }`);
    }

    async function answered(
      settings: object,
      respond: (request: EchoRequest) => void,
    ): Promise<Observation> {
      using _responder = openResponder(network.far, family, respond);
      return await look(settings);
    }

    function look(settings: object, host = target): Promise<Observation> {
      const all = { gap: '10ms', wait: '5s', ...settings };
      return runCheck(ping, host, all, { services: served(kind) });
    }

    async function echo(plan: { readonly count: number }): Promise<EchoReport> {
      const where = { address: target, family, waitMs: 100, ...plan };
      const report = await pingers.get(kind)?.echo(echoPlan(where), AbortSignal.timeout(10_000));
      if (report === undefined || 'unavailable' in report) throw new Error('cannot ping');
      return report;
    }
  });
});

function packets(counts: {
  readonly sent: number;
  readonly received: number;
  readonly duplicate?: number;
  readonly late?: number;
  readonly reordered?: number;
  readonly corrupted?: number;
}): Record<string, number> {
  const all = { duplicate: 0, late: 0, reordered: 0, corrupted: 0, ...counts };
  return Object.fromEntries(
    Object.entries(all).map(([kind, count]) => [`probe.icmp.packets.${kind}.count`, count]),
  );
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
