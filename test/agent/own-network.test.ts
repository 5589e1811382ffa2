import { describe, expect, onTestFinished, test } from 'vitest';
import { OwnNetwork } from '#agent/own-network';
import type { Canary } from '#agent/own-network/canaries';
import type { Run } from '#checks/check';
import type { DownError } from '#lib/error-type';
import { createLog } from '#lib/log';
import type { Observation, Verdict } from '#lib/observation';
import { ManualClock } from '../support/clocks/manual-clock.ts';

const up: Verdict = { status: 'up' };
const peer = '192.0.2.1';

function down(error: DownError): Verdict {
  return { status: 'down', error, message: `found ${error}` };
}

function seen(verdict: Verdict, at: string | undefined = peer): Observation {
  return { verdict, measurements: [], ...(at !== undefined && { peer: at }) };
}

/** A canary that says what it is told to, and counts how often it is asked. */
class Told implements Canary {
  readonly name: string;
  verdict: Verdict | 'hangs' | 'throws' | 'is not there' = up;
  asked = 0;

  constructor(name: string) {
    this.name = name;
  }

  async create() {
    this.asked += 1;
    const { verdict } = this;
    if (verdict === 'is not there') return undefined;
    if (verdict === 'throws') throw new Error('no socket');
    if (verdict !== 'hangs') return { run: async () => seen(verdict) };
    return {
      run: ({ signal }: Run): Promise<Observation> =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => resolve(seen(down('icmp_timeout'))));
        }),
    };
  }
}

interface Setting {
  readonly network: OwnNetwork;
  readonly clock: ManualClock;
  readonly gateway: Told;
  readonly resolver: Told;
  readonly lines: string[];
  /** Judges a run that took a second until now; time goes on meanwhile. */
  readonly judge: (observation: Observation, tookMs?: number) => Promise<string>;
}

function setUp(): Setting {
  const clock = new ManualClock();
  const [gateway, resolver] = [new Told('gateway'), new Told('resolver')];
  const lines: string[] = [];
  const log = createLog({
    level: 'info',
    destination: { write: (line) => void lines.push(JSON.parse(line).message) },
  });
  const network = new OwnNetwork([gateway, resolver], { clock, log });
  onTestFinished(() => network[Symbol.asyncDispose]());
  const judge = async (observation: Observation, tookMs = 1000): Promise<string> => {
    const judging = network.judge(observation, clock.monotonicMs() - tookMs);
    await clock.advance(2500);
    const { verdict } = await judging;
    return verdict.status === 'up' ? 'up' : `${verdict.status}: ${verdict.error}`;
  };
  return { network, clock, gateway, resolver, lines, judge };
}

/** The same where a target and all canaries have answered. */
async function setUpKnown(): Promise<Setting> {
  const setting = setUp();
  await setting.judge(seen(up));
  await setting.clock.advance(60_000);
  return setting;
}

const lost = 'unknown: agent_no_network';

describe('a silent target', () => {
  test('is down while the canaries answer', async () => {
    const { judge, gateway } = await setUpKnown();
    expect(await judge(seen(down('connect_timeout')))).toBe('down: connect_timeout');
    expect(gateway.asked).toBe(2);
  });

  test.each(['hangs', 'throws', 'is not there', down('icmp_timeout')] as const)(
    'is unknown when a canary that has answered does not: %o',
    async (verdict) => {
      const { judge, gateway } = await setUpKnown();
      gateway.verdict = verdict;
      expect(await judge(seen(down('connect_timeout')))).toBe(lost);
    },
  );

  test('says what it saw, and which canary is silent', async () => {
    const { network, clock, gateway, lines } = await setUpKnown();
    const startMs = clock.monotonicMs() - 1000;
    gateway.verdict = down('icmp_timeout');
    const { verdict } = await network.judge(seen(down('connect_timeout')), startMs);
    expect(verdict).toMatchObject({
      message:
        "found connect_timeout; but the agent's own network does not answer either (gateway: found icmp_timeout)",
    });
    await network.judge(seen(down('connect_timeout')), startMs);
    await network.judge(seen(up), startMs);
    expect(lines).toEqual([
      "the agent's own network seems to be gone",
      "the agent's own network works again",
    ]);
  });

  test('is unknown too when the network came back before the run ended', async () => {
    const { judge, clock, gateway } = await setUpKnown();
    gateway.verdict = down('icmp_timeout');
    expect(await judge(seen(down('connect_timeout')))).toBe(lost);
    gateway.verdict = up;
    await clock.advance(5000);
    expect(await judge(seen(down('connect_timeout')), 10_000)).toBe(lost);
    expect(await judge(seen(down('connect_timeout')), 1000)).toBe('down: connect_timeout');
  });

  test('is down when another target answered meanwhile: the canary is what is broken', async () => {
    const { judge, network, clock, gateway } = await setUpKnown();
    gateway.verdict = down('icmp_timeout');
    await network.judge(seen(up, '192.0.2.2'), clock.monotonicMs());
    expect(await judge(seen(down('connect_timeout')))).toBe('down: connect_timeout');
  });

  test.each(['connect_refused', 'http_status', 'tls_expired', 'dns_nxdomain'] as const)(
    'is not what %s is: that is an answer',
    async (error) => {
      const { judge, gateway } = await setUpKnown();
      gateway.verdict = down('icmp_timeout');
      expect(await judge(seen(down(error)))).toBe(`down: ${error}`);
      expect(gateway.asked).toBe(1);
    },
  );

  test('on this host asks no canary, and says nothing of the network', async () => {
    const { judge, gateway } = setUp();
    expect(await judge(seen(up, '127.0.0.1'))).toBe('up');
    expect(await judge(seen(down('connect_timeout'), '::1'))).toBe('down: connect_timeout');
    expect(gateway.asked).toBe(0);
  });

  test('that needs no network asks none either', async () => {
    const { judge, gateway } = setUp();
    const silent = { verdict: down('log_silent'), measurements: [] };
    expect(await judge(silent)).toBe('down: log_silent');
    expect(gateway.asked).toBe(0);
  });
});

describe('a name server that is silent', () => {
  const noAnswer: Observation = { verdict: down('dns_timeout'), measurements: [] };

  test("is the system's: unknown, whatever else answers", async () => {
    const { judge, network, clock, resolver } = await setUpKnown();
    resolver.verdict = down('dns_timeout');
    await network.judge(seen(up, '192.0.2.2'), clock.monotonicMs());
    expect(await judge(noAnswer)).toBe(lost);
  });

  test('answers others: down', async () => {
    const { judge } = await setUpKnown();
    expect(await judge(noAnswer)).toBe('down: dns_timeout');
  });

  test('is a target of its own: down while others answer', async () => {
    const { judge, network, clock, resolver } = await setUpKnown();
    resolver.verdict = down('dns_timeout');
    await network.judge(seen(up, '192.0.2.2'), clock.monotonicMs());
    expect(await judge(seen(down('dns_timeout'), '192.0.2.53'))).toBe('down: dns_timeout');
  });
});

describe('a canary that never answered', () => {
  test('proves nothing', async () => {
    const { judge, clock, gateway } = setUp();
    gateway.verdict = down('icmp_timeout');
    await judge(seen(up));
    await clock.advance(60_000);
    expect(await judge(seen(down('connect_timeout')))).toBe('down: connect_timeout');
  });

  test('is asked again while targets answer, once a minute', async () => {
    const { judge, network, clock, gateway } = setUp();
    gateway.verdict = down('icmp_timeout');
    for (let second = 0; second < 119; second += 1) {
      await network.judge(seen(up), clock.monotonicMs());
      await clock.advance(1000);
    }
    expect(gateway.asked).toBe(2);
    gateway.verdict = up;
    await clock.advance(2000);
    await judge(seen(up));
    gateway.verdict = down('icmp_timeout');
    expect(await judge(seen(down('connect_timeout')))).toBe(lost);
  });

  test('leaves nothing to judge by where no target ever answered either', async () => {
    const { judge, gateway, resolver } = setUp();
    gateway.verdict = 'is not there';
    resolver.verdict = down('dns_unreachable');
    expect(await judge(seen(down('connect_timeout')))).toBe(lost);
    resolver.verdict = up;
    expect(await judge(seen(down('connect_timeout')))).toBe('down: connect_timeout');
  });
});

test('a thousand failures at once ask each canary once', async () => {
  const { network, clock, gateway } = await setUpKnown();
  const judged = Array.from({ length: 1000 }, () =>
    network.judge(seen(down('connect_timeout')), clock.monotonicMs()),
  );
  await Promise.all(judged);
  expect(gateway.asked).toBe(2);
});
