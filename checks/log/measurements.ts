import type { Measurement, MetricDeclaration } from '#lib/observation';
import { quantileMs } from './counts/durations.ts';
import type { DurationGain, RequestGain, ValueGain } from './counts/gains.ts';
import { statusClasses } from './counts/tally.ts';
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
  logValue,
  logValueDistribution,
  logValueSum,
  logWindowClients,
  logWindowClientsCapped,
  logWindowConnections,
  logWindowDuration,
  logWindowErrors,
  logWindowUpstream,
} from './metrics.ts';
import type { ValueSettings } from './reader-settings.ts';
import type { LogReading } from './reading.ts';
import type { WindowState } from './state.ts';
import { windowRoutes, windowTotals } from './window.ts';

/** A configured number, as far as measuring it goes. */
export interface MeasuredValue extends Omit<ValueSettings, 'field'> {
  readonly unit: string;
}

/** What a format has to say beside requests. */
export interface Measurable {
  readonly clients: boolean;
  readonly connections: boolean;
  /** In the order of the reader's settings. */
  readonly values: readonly MeasuredValue[];
}

/** Everything a reading says as metrics. */
export function measure(reading: LogReading, measurable: Measurable, nowMs: number): Measurement[] {
  const { gains, gaps, state } = reading;
  return [
    ...byLabel(logLines, 'outcome', linesOf(gains.lines)),
    ...byLabel(logRead, 'outcome', gains.bytes),
    ...measureRequests(gains.requests),
    ...gains.durations.map((gain) => measureDurations(logRequestDuration, gain)),
    ...gains.upstreams.map((gain) => measureDurations(logUpstreamDuration, gain)),
    ...byLabel(logGaps, 'cause', {
      truncated: gaps.truncated,
      removed: gaps.removed,
      damaged: gaps.damaged,
    }),
    { metric: logLost, value: gaps.lostBytes },
    ...measureGauges(reading, measurable, nowMs),
    ...measureWindow(state.window),
    ...measurable.values.flatMap((value, index) => measureValue(value, gains.values[index])),
  ];
}

/** Padding is bytes, but no line. */
function linesOf({
  parsed,
  unparsed,
  oversize,
}: LogReading['gains']['lines']): Record<string, number> {
  return { parsed, unparsed, oversize };
}

function byLabel(
  metric: MetricDeclaration,
  label: string,
  counts: Readonly<Record<string, number>>,
): Measurement[] {
  return Object.entries(counts).map(([name, value]) => ({
    metric,
    value,
    attributes: { [label]: name },
  }));
}

/**
 * A route and method that is seen at all has its usual classes at least at 0, so that the first error
 * is an increase and not the start of a series.
 */
function measureRequests(gains: readonly RequestGain[]): Measurement[] {
  const seen = new Set(
    gains.map(({ route, method, statusClass }) => `${route} ${method} ${statusClass}`),
  );
  const missing = gains.flatMap(({ route, method }) =>
    ['2xx', '3xx', '4xx', '5xx']
      .filter((statusClass) => !seen.has(`${route} ${method} ${statusClass}`))
      .map((statusClass) => ({ route, method, statusClass, requests: 0, sentBytes: 0 })),
  );
  const zeros = new Map(
    missing.map((gain) => [`${gain.route} ${gain.method} ${gain.statusClass}`, gain]),
  );
  return [...gains, ...zeros.values()].flatMap(
    ({ route, method, statusClass, requests, sentBytes }) => {
      const attributes = { status_class: statusClass, method, route };
      return [
        { metric: logRequests, value: requests, attributes },
        { metric: logSent, value: sentBytes, attributes },
      ];
    },
  );
}

function measureDurations(
  metric: MetricDeclaration,
  { route, counts, sumMs }: DurationGain,
): Measurement {
  return {
    metric,
    value: { counts, sum: sumMs / 1000, count: total(counts) },
    attributes: { route },
  };
}

function measureGauges(reading: LogReading, measurable: Measurable, nowMs: number): Measurement[] {
  const { gains, recent, newestLineMs, backlogBytes, state } = reading;
  const secondsSince = (thenMs: number | undefined): number | undefined =>
    thenMs === undefined ? undefined : Math.max(0, nowMs - thenMs) / 1000;
  const gauges: readonly [MetricDeclaration, number | undefined][] = [
    [logClients, measurable.clients ? gains.clients.count : undefined],
    [logClientsCapped, measurable.clients ? Number(!gains.clients.complete) : undefined],
    [logConnections, measurable.connections ? gains.connections.count : undefined],
    [logWindowClients, measurable.clients ? recent.clients.count : undefined],
    [logWindowClientsCapped, measurable.clients ? Number(!recent.clients.complete) : undefined],
    [logWindowConnections, measurable.connections ? recent.connections.count : undefined],
    [logBacklog, backlogBytes],
    [logLag, secondsSince(newestLineMs)],
    [logQuiet, secondsSince(state.lastLineUnixMs)],
  ];
  return gauges.flatMap(([metric, value]) => (value === undefined ? [] : [{ metric, value }]));
}

function measureWindow(window: WindowState): Measurement[] {
  return windowRoutes(window).flatMap((route) => {
    const { requests, classes, durations, upstreams } = windowTotals(window, route);
    const errors = classes[statusClasses.indexOf('5xx')] ?? 0;
    return [
      { metric: logWindowErrors, value: errors / requests, attributes: { route } },
      ...measureQuantiles(logWindowDuration, durations, route),
      ...measureQuantiles(logWindowUpstream, upstreams, route),
    ];
  });
}

function measureQuantiles(
  metric: MetricDeclaration,
  buckets: Uint32Array,
  route: string,
): Measurement[] {
  return [0.5, 0.95, 0.99].flatMap((quantile) => {
    const ms = quantileMs(buckets, quantile);
    return ms === undefined
      ? []
      : [{ metric, value: ms / 1000, attributes: { route, quantile: String(quantile) } }];
  });
}

/** A gauge without a number in this run keeps still; sums and distributions gain nothing. */
function measureValue(
  { name, unit, as, buckets }: MeasuredValue,
  gain: ValueGain | undefined,
): Measurement[] {
  if (gain === undefined) return [];
  const attributes = { name, unit };
  const { count, sum, counts, last } = gain;
  switch (as) {
    case 'counter':
      return [{ metric: logValueSum, value: sum, attributes }];
    case 'gauge':
      return last === undefined ? [] : [{ metric: logValue, value: last, attributes }];
    case 'histogram':
      return [
        { metric: { ...logValueDistribution, buckets }, value: { counts, sum, count }, attributes },
      ];
  }
}

function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
