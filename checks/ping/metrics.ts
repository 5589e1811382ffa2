import { gauge, type MetricDeclaration } from '#lib/observation';
import { addressMetrics } from '../net/metrics.ts';
import type { Trace } from '../net/trace.ts';
import type { EchoReport } from './pinger.ts';
import type { RoundTrips } from './statistics.ts';

/** Carries the phases resolve, setup, and rtt, the mean round trip; their sum is the duration. */
export const phaseDuration = gauge('probe.icmp.duration', 's', {
  attributes: ['phase'],
  description: 'Duration of each phase that was reached: resolve, setup, rtt (the mean round trip)',
});
export const modeInfo = gauge('probe.icmp.mode.info', '', {
  attributes: ['mode'],
  description: 'How packets are sent: datagram, raw, binary or unavailable; always 1',
});
const replyHopLimit = gauge('probe.icmp.reply.hop.limit', '', {
  description: 'Hop limit (TTL in IPv4) left in the first reply',
});
const loss = gauge('probe.icmp.loss', '1', {
  description: 'Share of the packets sent that were not answered in time',
});
const packets = {
  sent: packetCount('sent', 'Packets sent'),
  received: packetCount('received', 'Packets answered in time'),
  duplicate: packetCount('duplicate', 'Replies to a packet that had been answered before'),
  late: packetCount('late', 'Replies that came after their packet had been given up'),
  reordered: packetCount('reordered', 'Replies overtaken by the reply to a later packet'),
  corrupted: packetCount('corrupted', 'Replies with another payload than was sent'),
};
const roundTrip = {
  min: roundTripTime('min', 'Shortest round trip'),
  median: roundTripTime('median', 'Median round trip'),
  mean: roundTripTime('mean', 'Mean round trip'),
  max: roundTripTime('max', 'Longest round trip'),
  stddev: roundTripTime('stddev', 'Standard deviation of the round trips'),
};
const jitter = gauge('probe.icmp.jitter', 's', {
  description: 'Interarrival jitter (RFC 3550), smoothed over the runs',
});

export const pingMetrics: readonly MetricDeclaration[] = [
  ...addressMetrics,
  modeInfo,
  phaseDuration,
  replyHopLimit,
  loss,
  ...Object.values(packets),
  ...Object.values(roundTrip),
  jitter,
];

/** Keeps everything that is known of the packets; times are absent when nothing came back. */
export function recordReport(
  trace: Trace,
  report: EchoReport,
  {
    trips,
    jitterMs,
  }: { readonly trips: RoundTrips | undefined; readonly jitterMs?: number | undefined },
): void {
  const { sent, replies, duplicate, late, reordered, corrupted } = report;
  trace.measure(packets.sent, sent);
  trace.measure(packets.received, replies.length);
  trace.measure(packets.duplicate, duplicate);
  trace.measure(packets.late, late);
  trace.measure(packets.reordered, reordered);
  trace.measure(packets.corrupted, corrupted);
  if (sent > 0) trace.measure(loss, lossRatio(report));
  const hopLimit = replies[0]?.hopLimit;
  if (hopLimit !== undefined) trace.measure(replyHopLimit, hopLimit);
  if (jitterMs !== undefined) trace.measure(jitter, jitterMs / 1000);
  if (trips === undefined) return;
  trace.measure(roundTrip.min, trips.minMs / 1000);
  trace.measure(roundTrip.median, trips.medianMs / 1000);
  trace.measure(roundTrip.mean, trips.meanMs / 1000);
  trace.measure(roundTrip.max, trips.maxMs / 1000);
  trace.measure(roundTrip.stddev, trips.standardDeviationMs / 1000);
}

/** From 0 to 1; of nothing sent nothing is lost. */
export function lossRatio({ sent, replies }: EchoReport): number {
  return sent === 0 ? 0 : (sent - replies.length) / sent;
}

function packetCount(which: string, description: string): MetricDeclaration {
  return gauge(`probe.icmp.packets.${which}.count`, '{packet}', { description });
}

function roundTripTime(which: string, description: string): MetricDeclaration {
  return gauge(`probe.icmp.duration.rtt.${which}`, 's', { description });
}
