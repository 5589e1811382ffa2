import { isIP } from 'node:net';
import { z } from 'zod';
import { type Clock } from '#lib/clock';
import { type Observation, type Verdict } from '#lib/observation';
import { duration } from '#lib/scalars';
import { type Run, defineCheck } from './check.ts';
import { lossRatio, measurePhases, measureReport, pingMetrics } from './ping/metrics.ts';
import { type EchoReport, type Pinger } from './ping/pinger.ts';
import { resolve } from './ping/resolve.ts';
import { type RoundTrips, summarise } from './ping/statistics.ts';

const settings = z.strictObject({
  count: z.int().min(1).max(1000).default(3).describe('Packets a run sends'),
  gap: duration
    .refine((ms) => ms >= 10, 'expected at least 10ms')
    .prefault('50ms')
    .describe('Time from one packet to the next; at least 10ms'),
  size: z
    .int()
    .min(16)
    .max(65_507)
    .default(56)
    .describe('Bytes of payload, after the eight of the ICMP header'),
  wait: duration
    .refine((ms) => ms >= 10, 'expected at least 10ms')
    .prefault('1s')
    .describe('How long a packet waits for its reply before it counts as lost'),
  ttl: z
    .int()
    .min(1)
    .max(255)
    .optional()
    .describe('Time to live (IPv4) or hop limit (IPv6) of the packets'),
  fragment: z
    .boolean()
    .default(true)
    .describe('Whether packets may be fragmented on their way; false finds a path MTU too small'),
  source: z.string().min(1).optional().describe('Local address or network interface to send from'),
  ip: z
    .literal(['auto', 4, 6])
    .default('auto')
    .describe('Which addresses of a name to use; auto takes IPv4 when there is one'),
  expect: z
    .strictObject({
      loss: z
        .strictObject({ max: z.number().min(0).max(1).describe('Share of packets, from 0 to 1') })
        .optional()
        .describe('How much loss is up; without it everything but the loss of all packets'),
      rtt: z
        .strictObject({ median: duration.describe('Upper limit of the median round trip') })
        .optional()
        .describe('How slow is up'),
    })
    .prefault({})
    .describe('What makes a run up'),
});
type Settings = z.output<typeof settings>;

export const ping = defineCheck({
  type: 'ping',
  summary: 'Sends ICMP echo requests, and judges loss and round trip.',
  settings,
  metrics: pingMetrics,
  validateTarget,
  async create(spec, services) {
    const pinger = await services.shared('pinger', async () => {
      const { openPinger } = await import('./ping/open.ts');
      return openPinger();
    });
    const target = { host: spec.target, settings: spec.settings };
    return { run: (run) => look(target, { pinger, clock: services.clock }, run) };
  },
});

function validateTarget(target: string): string | undefined {
  if (isIP(target) !== 0) return undefined;
  if (target.includes('://')) return 'expected a host name or an address, not a URL';
  if (/^[^:]+:\d+$/.test(target)) return 'expected a host without a port: ICMP has none';
  if (!/^[\p{L}\d_]([\p{L}\d_.-]*[\p{L}\d_.])?$/u.test(target)) {
    return 'expected a host name or an IP address';
  }
  return undefined;
}

async function look(
  { host, settings }: { readonly host: string; readonly settings: Settings },
  { pinger, clock }: { readonly pinger: Pinger; readonly clock: Clock },
  run: Run,
): Promise<Observation> {
  const startedMs = clock.monotonicMs();
  const resolved = await resolve(host, settings.ip, run.signal);
  const resolveMs = clock.monotonicMs() - startedMs;
  if (resolved.status !== 'found') {
    return { verdict: resolved, measurements: measurePhases({ resolve: resolveMs }) };
  }
  run.waiting();
  const report = await pinger.echo(
    {
      address: resolved.address,
      family: resolved.family,
      count: settings.count,
      gapMs: settings.gap,
      size: settings.size,
      timeoutMs: settings.wait,
      hopLimit: settings.ttl,
      dontFragment: !settings.fragment,
      source: settings.source,
    },
    run.signal,
  );
  const evidence = { address: resolved.address };
  if ('unavailable' in report) {
    return {
      verdict: { status: 'unknown', error: 'icmp_unavailable', message: report.unavailable },
      measurements: measurePhases({ resolve: resolveMs }),
      evidence,
    };
  }
  const trips = summarise(report.replies.map((reply) => reply.roundTripMs));
  const phases = { resolve: resolveMs, ...(trips && { rtt: trips.mean }) };
  return {
    verdict: judge(report, trips, settings),
    measurements: [...measurePhases(phases), ...measureReport(report, trips)],
    evidence,
    ...(trips && { durationMs: resolveMs + trips.mean }),
  };
}

/** Loss first, then slowness; of all packets lost the ICMP error is the reason, when there was one. */
function judge(report: EchoReport, trips: RoundTrips | undefined, settings: Settings): Verdict {
  const { loss, rtt } = settings.expect;
  const ratio = lossRatio(report);
  if (report.sent === 0) {
    return { status: 'unknown', error: 'agent_error', message: 'ended before a packet was sent' };
  }
  if (loss === undefined ? ratio === 1 : ratio > loss.max) {
    return lost(report, settings);
  }
  if (rtt !== undefined && trips !== undefined && trips.median > rtt.median) {
    const message = `median round trip ${trips.median.toFixed(3)} ms, expected at most ${rtt.median} ms`;
    return { status: 'down', error: 'too_slow', message };
  }
  return { status: 'up' };
}

function lost(report: EchoReport, settings: Settings): Verdict {
  const { sent, replies, errors } = report;
  const reason = errors[0];
  const share = `${sent - replies.length} of ${sent} packets lost`;
  if (replies.length > 0) {
    const limit = `, expected at most ${(settings.expect.loss?.max ?? 1) * 100} %`;
    const because = reason === undefined ? '' : `: ${reason.message}`;
    return { status: 'down', error: 'icmp_loss', message: share + limit + because };
  }
  if (reason === undefined) {
    const message = `${share}, no reply within ${settings.wait} ms`;
    return { status: 'down', error: 'icmp_timeout', message };
  }
  const error = reason.kind === 'ttl_exceeded' ? 'icmp_ttl_exceeded' : 'icmp_unreachable';
  return { status: 'down', error, message: reason.message };
}
