import { isIP } from 'node:net';
import { defineCheck } from './check.ts';
import { pingMetrics } from './ping/metrics.ts';
import { type PingSettings, pingSettings } from './ping/settings.ts';

/** Sends ICMP echo requests and judges how many come back, and how fast. */
export const ping = defineCheck({
  type: 'ping',
  summary: 'Sends ICMP echo requests, and judges loss and round trip.',
  settings: pingSettings,
  metrics: pingMetrics,
  validateTarget,
  validateTogether: sendsInTime,
  async create(spec, services) {
    const { createPingCheck } = await import('./ping/check.ts');
    return createPingCheck(spec, services);
  },
});

function sendsInTime(
  { count, gap }: PingSettings,
  timeoutMs: number,
): { path: readonly string[]; message: string } | undefined {
  const sendingMs = (count - 1) * gap;
  if (sendingMs < timeoutMs) return undefined;
  const message = `${count} packets take ${sendingMs / 1000}s to send, but timeout ends the run after ${timeoutMs / 1000}s`;
  return { path: ['count'], message };
}

function validateTarget(target: string): string | undefined {
  if (isIP(target) !== 0) return undefined;
  if (target.includes('://')) return 'expected a host name or an address, not a URL';
  if (/^[^:]+:\d+$/.test(target)) return 'expected a host without a port: ICMP has none';
  if (!/^[\p{L}\d_]([\p{L}\d_.-]*[\p{L}\d_.])?$/u.test(target)) {
    return 'expected a host name or an IP address';
  }
  return undefined;
}
