import { type Measurement, type MetricDeclaration } from '#lib/observation';
import {
  logBacklog,
  logClients,
  logClientsCapped,
  logConnections,
  logGaps,
  logLag,
  logLines,
  logLost,
  logQuiet,
  logRead,
  logRequestDuration,
  logRequests,
  logSent,
  logUpstreamDuration,
} from './metrics.ts';
import { type DurationGain, type LogReading, type RequestGain } from './reading.ts';

/** Everything a reading says as metrics. */
export function measure(reading: LogReading, nowMs: number): Measurement[] {
  const { gains, gaps, newestLineMs, backlogBytes } = reading;
  const { lastLineUnixMs } = reading.state;
  const gauges: readonly [MetricDeclaration, number | undefined][] = [
    [logClients, gains.clients?.count],
    [logClientsCapped, gains.clients && Number(!gains.clients.complete)],
    [logConnections, gains.connections?.count],
    [logBacklog, backlogBytes],
    [logLag, newestLineMs === undefined ? undefined : Math.max(0, nowMs - newestLineMs) / 1000],
    [
      logQuiet,
      lastLineUnixMs === undefined ? undefined : Math.max(0, nowMs - lastLineUnixMs) / 1000,
    ],
  ];
  return [
    ...byOutcome(logLines, gains.lines),
    ...byOutcome(logRead, gains.bytes),
    ...measureRequests(gains.requests),
    ...gains.durations.map((gain) => measureDurations(logRequestDuration, gain)),
    ...gains.upstreams.map((gain) => measureDurations(logUpstreamDuration, gain)),
    { metric: logGaps, value: gaps.truncated, attributes: { cause: 'truncated' } },
    { metric: logGaps, value: gaps.removed, attributes: { cause: 'removed' } },
    { metric: logGaps, value: gaps.damaged, attributes: { cause: 'damaged' } },
    { metric: logLost, value: gaps.lostBytes },
    ...gauges.flatMap(([metric, value]) => (value === undefined ? [] : [{ metric, value }])),
  ];
}

function byOutcome(
  metric: MetricDeclaration,
  counts: Readonly<Record<string, number>>,
): Measurement[] {
  return Object.entries(counts).map(([outcome, value]) => ({
    metric,
    value,
    attributes: { outcome },
  }));
}

/**
 * A route and method that is seen at all has its usual classes at least at 0, so that the first error
 * is an increase and not the start of a series.
 */
function measureRequests(gains: readonly RequestGain[]): Measurement[] {
  const measurements = gains.flatMap(({ route, method, statusClass, requests, sentBytes }) => {
    const attributes = { status_class: statusClass, method, route };
    return [
      { metric: logRequests, value: requests, attributes },
      { metric: logSent, value: sentBytes, attributes },
    ];
  });
  const seen = new Set(
    gains.map(({ route, method, statusClass }) => `${route} ${method} ${statusClass}`),
  );
  for (const { route, method } of gains) {
    for (const statusClass of ['2xx', '3xx', '4xx', '5xx']) {
      const name = `${route} ${method} ${statusClass}`;
      if (seen.has(name)) continue;
      seen.add(name);
      const attributes = { status_class: statusClass, method, route };
      measurements.push({ metric: logRequests, value: 0, attributes });
    }
  }
  return measurements;
}

function measureDurations(
  metric: MetricDeclaration,
  { route, counts, sumMs }: DurationGain,
): Measurement {
  const count = counts.reduce((total, value) => total + value, 0);
  return { metric, value: { counts, sum: sumMs / 1000, count }, attributes: { route } };
}
