import type { DownError } from '#lib/error-type';
import type { Verdict } from '#lib/observation';
import { lossRatio } from './metrics.ts';
import type { EchoError, EchoReport } from './pinger.ts';
import type { PingSettings } from './settings.ts';
import type { RoundTrips } from './statistics.ts';

/** Judges loss first, then slowness. */
export function judge(
  report: EchoReport,
  trips: RoundTrips | undefined,
  settings: PingSettings,
): Verdict {
  const { loss, rtt } = settings.expect;
  if (report.sent === 0) {
    const message = 'the run ended before its first packet had its turn; see agent.icmp.rate';
    return { status: 'unknown', error: 'agent_overloaded', message };
  }
  const ratio = lossRatio(report);
  if (loss === undefined ? ratio === 1 : ratio > loss.max) return explainLoss(report, settings);
  if (rtt !== undefined && trips !== undefined && trips.medianMs > rtt.median) {
    const median = trips.medianMs.toFixed(3);
    const message = `median round trip ${median} ms, expected at most ${rtt.median} ms`;
    return { status: 'down', error: 'too_slow', message };
  }
  return { status: 'up' };
}

/** What this host did itself says nothing of the target; then comes what others said; then silence. */
function explainLoss(report: EchoReport, { wait, expect }: PingSettings): Verdict {
  const { sent, replies } = report;
  const share = `${sent - replies.length} of ${sent} packets lost`;
  const own = explainOwnLoss(report, share);
  if (own !== undefined) return own;
  const reported = report.errors[0];
  if (replies.length > 0) {
    const limit = `${share}, expected at most ${percent(expect.loss?.max ?? 1)}`;
    const message = reported === undefined ? limit : `${limit}: ${reported.message}`;
    return { status: 'down', error: 'icmp_loss', message };
  }
  if (reported === undefined) {
    const message = `${share}, no reply within ${wait} ms`;
    return { status: 'down', error: 'icmp_timeout', message };
  }
  const message = `${share}: ${reported.message}`;
  return { status: 'down', error: reportedErrors[reported.kind], message };
}

function explainOwnLoss(report: EchoReport, share: string): Verdict | undefined {
  if (report.overflowed) {
    const message = `${share}, but this host dropped replies that had arrived`;
    return { status: 'unknown', error: 'agent_overloaded', message };
  }
  for (const { kind, message } of report.errors) {
    if (kind === 'denied') return { status: 'unknown', error: 'egress_denied', message };
    if (kind === 'refused') return { status: 'unknown', error: 'icmp_unavailable', message };
  }
  return undefined;
}

const reportedErrors = {
  unreachable: 'icmp_unreachable',
  ttl_exceeded: 'icmp_ttl_exceeded',
  other: 'icmp_unreachable',
  no_route: 'net_unreachable',
  denied: 'icmp_unreachable',
  refused: 'icmp_unreachable',
} as const satisfies Record<EchoError['kind'], DownError>;

function percent(share: number): string {
  return `${Number((share * 100).toFixed(3))} %`;
}
