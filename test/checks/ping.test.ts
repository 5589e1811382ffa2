import { expect, test } from 'vitest';
import { ping } from '#checks/ping';
import { runCheck, valuesOf } from '../support/checks/run-check.ts';
import { needs } from '../support/needs.ts';

needs('ping')('ping with whatever this host grants', () => {
  test.each(['127.0.0.1', '::1', 'localhost'])('%s is up', async (target) => {
    const observation = await runCheck(ping, target, { count: 4, gap: '10ms' });
    expect(observation.verdict).toEqual({ status: 'up' });
    const values = valuesOf(observation);
    expect(values).toMatchObject({
      'probe.ip.protocol': target === '::1' ? 6 : 4,
      'probe.icmp.packets.sent.count': 4,
      'probe.icmp.packets.received.count': 4,
      'probe.icmp.loss': 0,
    });
    const { durationMs = 0, evidence } = observation;
    expect(evidence).toMatchObject({ address: target === '::1' ? '::1' : '127.0.0.1' });
    const phases = Object.entries(values).filter(([name]) =>
      name.startsWith('probe.icmp.duration{'),
    );
    const sum = phases.reduce((total, [, seconds]) => total + Number(seconds), 0);
    expect(sum * 1000).toBeCloseTo(durationMs, 9);
  });

  test('a median round trip above its limit is down', async () => {
    const settings = { count: 1, expect: { rtt: { median: '0ms' } } };
    const { verdict } = await runCheck(ping, '127.0.0.1', settings);
    expect(verdict).toMatchObject({ status: 'down', error: 'too_slow' });
  });

  test('an interface that this host has not makes the run unknown', async () => {
    const { verdict } = await runCheck(ping, '127.0.0.1', { source: 'missing0' });
    expect(verdict).toMatchObject({ status: 'unknown', error: 'icmp_unavailable' });
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
  const mistake = ping.validateTarget(target);
  if (complaint === undefined) expect(mistake).toBeUndefined();
  else expect(mistake).toContain(complaint);
});
