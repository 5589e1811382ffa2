import { isDeepStrictEqual } from 'node:util';
import type { Measurement, MetricDeclaration, Observation, Verdict } from './observation.ts';
import type { Attributes, LogRecord, MetricPoint } from './otlp/model.ts';
import {
  probeDuration,
  probeError,
  probeSuccess,
  probeTimeout,
  probeValidUntil,
  probeVerdict,
} from './results/metrics.ts';
import { counterPoint, endPoint, gaugePoint } from './results/points.ts';
import {
  type Counter,
  type Series,
  accumulate,
  gaugesOf,
  isSound,
  keyOf,
  toSeries,
} from './results/series.ts';
import { type Origin, type Subject, originOf } from './results/subject.ts';

/*
 * From what a run found out to OTLP. Pure: what must be known of the past comes in as memory and goes
 * out as memory, and the caller writes both in one durable record.
 *
 * The resource is the target, as with any receiver that observes something remote; who looked is on
 * every point, where all backends keep it. A gauge series of the previous result that is missing from
 * this one ends with a staleness marker. That one rule covers `probe.success` of an unknown run, a
 * `probe.error` that passed, a phase that was not reached, and a check that was removed.
 */

/** One finished run. */
export interface Result {
  readonly subject: Subject;
  /** Joins points and log records of one run; unique. */
  readonly run: string;
  readonly startedUnixMs: number;
  readonly durationMs: number;
  readonly timeoutMs: number;
  readonly validUntilUnixMs: number;
  /** Of every run that was due up to here its counters tell; absent where nobody counts. */
  readonly bookedUnixMs?: number;
  readonly observation: Observation;
  /** Metrics that `observation` may measure. A counter that is no longer among them ends. */
  readonly declarations: readonly MetricDeclaration[];
}

/** What was counted without a result. */
export interface Increments extends Pick<Result, 'subject' | 'declarations' | 'bookedUnixMs'> {
  readonly measurements: readonly Measurement[];
  readonly atUnixMs: number;
}

/** What the encoder must know of a target's past. Plain JSON. */
export interface SeriesMemory {
  readonly subject: Subject;
  /** Time of the newest point. */
  readonly lastUnixMs: number;
  /** As the newest result or increments had it. */
  readonly bookedUnixMs?: number | undefined;
  readonly verdict: Verdict['status'] | undefined;
  /** Gauge series of the newest result. */
  readonly gauges: readonly Series[];
  readonly counters: readonly Counter[];
}

export interface EncodedResult {
  readonly points: readonly MetricPoint[];
  readonly logs: readonly LogRecord[];
  readonly memory: SeriesMemory;
}

/**
 * Encodes one result. All points carry the start of the run in whole milliseconds, moved on by as much
 * as keeps the times of a target strictly increasing. Gauges are given as measured; counters and
 * histograms as the sum of all increments since their start, known ones again with every result.
 * A value that is not finite, and an increment that is negative, is left out.
 */
export function encodeResult(result: Result, memory: SeriesMemory | undefined): EncodedResult {
  const { subject, observation } = result;
  const unixMs = nextUnixMs(result.startedUnixMs, memory);
  const origin = originOf(subject, unixMs);
  const { past, removed } = inherit(memory, subject, unixMs);
  const measurements = [...judge(result), ...observation.measurements].filter(isSound);
  const gauges = gaugesOf(measurements);
  const counters = accumulate(past.counters, measurements, result.declarations, unixMs);
  const present = new Set([...gauges.keys(), ...counters.map(keyOf)]);
  const ended = seriesOf(past).filter((series) => !present.has(keyOf(series)));
  return {
    points: [
      ...removed,
      ...ended.map((series) => endPoint(origin, series)),
      ...gauges.values().map((gauge) => gaugePoint(origin, gauge)),
      ...counters.map((counter) => counterPoint(origin, counter, result.declarations)),
    ],
    logs: encodeLogs(result, past.verdict, origin),
    memory: {
      subject,
      lastUnixMs: unixMs,
      bookedUnixMs: result.bookedUnixMs,
      verdict: observation.verdict.status,
      gauges: Array.from(gauges.values(), toSeries),
      counters,
    },
  };
}

/** Counts what happened between two results (runs that were skipped): only what grew is given. */
export function encodeIncrements(
  increments: Increments,
  memory: SeriesMemory | undefined,
): EncodedResult {
  const { subject, declarations } = increments;
  const unixMs = nextUnixMs(increments.atUnixMs, memory);
  const { past, removed } = inherit(memory, subject, unixMs);
  const grown = increments.measurements.filter(({ value }) => value !== 0).filter(isSound);
  const counters = accumulate(past.counters, grown, declarations, unixMs);
  const given = new Set(grown.map((measurement) => keyOf(toSeries(measurement))));
  const origin = originOf(subject, unixMs);
  return {
    points: [
      ...removed,
      ...counters
        .filter((counter) => given.has(keyOf(counter)))
        .map((counter) => counterPoint(origin, counter, declarations)),
    ],
    logs: [],
    memory: { ...past, lastUnixMs: unixMs, bookedUnixMs: increments.bookedUnixMs, counters },
  };
}

/** Ends every series of a target that is no longer checked. */
export function encodeRemoval(memory: SeriesMemory, atUnixMs: number): readonly MetricPoint[] {
  const origin = originOf(memory.subject, nextUnixMs(atUnixMs, memory));
  return seriesOf(memory).map((series) => endPoint(origin, series));
}

/**
 * Beyond this, a start before the newest point means that the clock was wrong and was put right while
 * the agent was away: going back once is nearer the truth than dating results wrongly for as long.
 */
const nudgeMaxMs = 60_000;

function nextUnixMs(atUnixMs: number, memory: SeriesMemory | undefined): number {
  const unixMs = Math.floor(atUnixMs);
  const nudgeMs = memory === undefined ? 0 : memory.lastUnixMs + 1 - unixMs;
  return nudgeMs > 0 && nudgeMs <= nudgeMaxMs ? unixMs + nudgeMs : unixMs;
}

/** A subject that changed (a label, the region) names other series: the old ones end, nothing carries over. */
function inherit(
  memory: SeriesMemory | undefined,
  subject: Subject,
  unixMs: number,
): { past: SeriesMemory; removed: readonly MetricPoint[] } {
  if (memory !== undefined && isDeepStrictEqual(memory.subject, subject)) {
    return { past: memory, removed: [] };
  }
  const verdict = memory?.verdict;
  return {
    past: { subject, lastUnixMs: unixMs, verdict, gauges: [], counters: [] },
    removed: memory === undefined ? [] : encodeRemoval(memory, unixMs),
  };
}

function judge(result: Result): readonly Measurement[] {
  const { verdict } = result.observation;
  return [
    ...(verdict.status === 'unknown'
      ? []
      : [{ metric: probeSuccess, value: Number(verdict.status === 'up') }]),
    ...(['up', 'down', 'unknown'] as const).map((status) => ({
      metric: probeVerdict,
      value: Number(verdict.status === status),
      attributes: { verdict: status },
    })),
    ...(verdict.status === 'up'
      ? []
      : [{ metric: probeError, value: 1, attributes: { 'error.type': verdict.error } }]),
    { metric: probeDuration, value: (result.observation.durationMs ?? result.durationMs) / 1000 },
    { metric: probeTimeout, value: result.timeoutMs / 1000 },
    { metric: probeValidUntil, value: result.validUntilUnixMs / 1000 },
  ];
}

function seriesOf({ gauges, counters }: SeriesMemory): readonly Series[] {
  return [...gauges, ...counters];
}

/** One record for a run that was not up, and one for a change of verdict; the first `up` is no change. */
function encodeLogs(
  { run, durationMs, observation }: Result,
  previous: Verdict['status'] | undefined,
  { resource, identity, timeUnixNano }: Origin,
): readonly LogRecord[] {
  const { verdict, evidence = {} } = observation;
  const changed = previous !== undefined && previous !== verdict.status;
  if (verdict.status === 'up' && !changed) return [];
  return [
    {
      resource,
      timeUnixNano,
      ...severities[verdict.status],
      body: verdict.status === 'up' ? `up, was ${previous}` : verdict.message,
      attributes: {
        ...mapKeys(evidence, (key) => `evidence.${key}`),
        'farpoint.run': run,
        verdict: verdict.status,
        ...(changed ? { 'verdict.previous': previous } : {}),
        ...(verdict.status === 'up' ? {} : { 'error.type': verdict.error }),
        duration: (observation.durationMs ?? durationMs) / 1000,
        ...identity,
      },
    },
  ];
}

const severities = {
  up: { severityNumber: 9, severityText: 'INFO' },
  unknown: { severityNumber: 13, severityText: 'WARN' },
  down: { severityNumber: 17, severityText: 'ERROR' },
} as const;

function mapKeys(record: Attributes, rename: (key: string) => string): Attributes {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [rename(key), value]));
}
