import { expect, test } from 'vitest';
import { type Observation } from '#lib/observation';
import { ping } from '#checks/ping';
import { type CheckServices } from '#checks/check';
import { needs } from '../support/needs.ts';

needs('ping')('ping by the system binary', () => {
  test('answers count, loss and round trips for 127.0.0.1', async () => {
    const observation = await run('127.0.0.1', { count: 4, gap: '10ms' });
    expect(observation.verdict).toEqual({ status: 'up' });
    expect(values(observation)).toMatchObject({
      'probe.icmp.packets.sent.count': 4,
      'probe.icmp.packets.received.count': 4,
      'probe.icmp.loss': 0,
    });
    expect(values(observation)['probe.icmp.duration.rtt.median']).toBeGreaterThan(0);
  });

  test('is down when the median round trip is above its limit', async () => {
    const observation = await run('127.0.0.1', { count: 1, expect: { rtt: { median: '0ms' } } });
    expect(observation.verdict).toMatchObject({ status: 'down', error: 'too_slow' });
  });

  test('is unknown when this host cannot send from the configured interface', async () => {
    const observation = await run('127.0.0.1', { source: 'missing0' });
    expect(observation.verdict).toMatchObject({ status: 'unknown', error: 'icmp_unavailable' });
  });
});

test.each([
  ['192.0.2.1', undefined],
  ['2001:db8::1', undefined],
  ['edge01.example.net', undefined],
  ['https://example.net/', 'URL'],
  ['example.net:443', 'port'],
  ['two words', 'host name'],
  ['', 'host name'],
])('target %j: %s', (target, complaint) => {
  const verdict = ping.validateTarget(target);
  if (complaint === undefined) expect(verdict).toBeUndefined();
  else expect(verdict).toContain(complaint);
});

async function run(target: string, settings: object): Promise<Observation> {
  const spec = { name: 'x', target, settings: ping.settings.parse(settings), timeoutMs: 5000 };
  const check = await ping.create(spec, services);
  return check.run({ signal: AbortSignal.timeout(5000), state: undefined, waiting() {} });
}

const services: CheckServices = {
  clock: {
    unixMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    sleep: async () => {},
  },
  shared: (_name, open) => open(),
};

function values({ measurements }: Observation): Record<string, unknown> {
  return Object.fromEntries(measurements.map(({ metric, value }) => [metric.name, value]));
}
