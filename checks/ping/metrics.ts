import { type Measurement, type MetricDeclaration } from '#lib/observation';
import { type EchoReport } from './pinger.ts';
import { type RoundTrips } from './statistics.ts';

const phaseDuration = gauge('probe.icmp.duration', 's', {
  attributes: ['phase'],
  description: 'Duration of the phases: resolve, setup, and rtt, the mean round trip',
});
const replyHopLimit = gauge('probe.icmp.reply_hop_limit', '', {
  description: 'Hop limit (TTL in IPv4) left in the first reply',
});
const packets = {
  sent: packetCount('sent', 'Packets sent'),
  received: packetCount('received', 'Packets answered in time'),
  duplicate: packetCount('duplicate', 'Replies to a packet that had been answered before'),
  late: packetCount('late', 'Replies that came after their packet had been given up'),
  reordered: packetCount('reordered', 'Replies overtaken by the reply to a later packet'),
  corrupted: packetCount('corrupted', 'Replies whose payload was not what had been sent'),
};
const loss = gauge('probe.icmp.loss', '1', {
  description: 'Share of the packets sent that were not answered in time',
});
const roundTrip = {
  min: roundTripTime('min', 'Shortest round trip'),
  median: roundTripTime('median', 'Median round trip'),
  mean: roundTripTime('mean', 'Mean round trip'),
  max: roundTripTime('max', 'Longest round trip'),
  standardDeviation: roundTripTime('stddev', 'Standard deviation of the round trips'),
  jitter: roundTripTime('jitter', 'Interarrival jitter as in RFC 3550'),
};

export const pingMetrics: readonly MetricDeclaration[] = [
  phaseDuration,
  replyHopLimit,
  ...Object.values(packets),
  loss,
  ...Object.values(roundTrip),
];

/** How long each phase took; one that was not reached is not given. */
export interface PhasesMs {
  readonly resolve?: number;
  readonly setup?: number;
  readonly rtt?: number;
}

export function measurePhases(phases: PhasesMs): Measurement[] {
  return Object.entries(phases).map(([phase, ms]) => ({
    metric: phaseDuration,
    value: ms / 1000,
    attributes: { phase },
  }));
}

/** Everything a report counts; round trips are absent when nothing came back. */
export function measureReport(report: EchoReport, trips: RoundTrips | undefined): Measurement[] {
  return [
    { metric: packets.sent, value: report.sent },
    { metric: packets.received, value: report.replies.length },
    { metric: packets.duplicate, value: report.duplicate },
    { metric: packets.late, value: report.late },
    { metric: packets.reordered, value: report.reordered },
    { metric: packets.corrupted, value: report.corrupted },
    ...present(loss, report.sent === 0 ? undefined : lossRatio(report)),
    ...present(replyHopLimit, report.replies[0]?.hopLimit),
    ...measureSeconds(roundTrip.min, trips?.min),
    ...measureSeconds(roundTrip.median, trips?.median),
    ...measureSeconds(roundTrip.mean, trips?.mean),
    ...measureSeconds(roundTrip.max, trips?.max),
    ...measureSeconds(roundTrip.standardDeviation, trips?.standardDeviation),
    ...measureSeconds(roundTrip.jitter, trips?.jitter),
  ];
}

/** From 0 to 1; of nothing sent nothing is lost. */
export function lossRatio({ sent, replies }: EchoReport): number {
  return sent === 0 ? 0 : (sent - replies.length) / sent;
}

function measureSeconds(metric: MetricDeclaration, ms: number | undefined): Measurement[] {
  return present(metric, ms === undefined ? undefined : ms / 1000);
}

function present(metric: MetricDeclaration, value: number | undefined): Measurement[] {
  return value === undefined ? [] : [{ metric, value }];
}

function packetCount(which: string, description: string): MetricDeclaration {
  return gauge(`probe.icmp.packets.${which}.count`, '{packet}', { description });
}

function roundTripTime(which: string, description: string): MetricDeclaration {
  return gauge(`probe.icmp.duration.rtt.${which}`, 's', { description });
}

function gauge(
  name: string,
  unit: string,
  rest: Pick<MetricDeclaration, 'description' | 'attributes'>,
): MetricDeclaration {
  return { name, unit, kind: 'gauge', ...rest };
}
