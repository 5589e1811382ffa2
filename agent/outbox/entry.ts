import type { LogRecord, MetricPoint } from '#lib/otlp/model';
import {
  type Increments,
  type Result,
  encodeIncrements,
  encodeRemoval,
  encodeResult,
} from '#lib/results';
import type { Subject } from '#lib/results/subject';
import { runMetrics } from '../runs/account.ts';
import type { TargetMemory } from './target-memory.ts';

/** Something to write to the outbox. */
export type Entry =
  | { readonly kind: 'result'; readonly subject: Subject; readonly result: Result }
  | { readonly kind: 'increments'; readonly subject: Subject; readonly increments: Increments }
  | { readonly kind: 'removal'; readonly subject: Subject; readonly atUnixMs: number };

export interface EncodedEntry {
  readonly points: readonly MetricPoint[];
  readonly logs: readonly LogRecord[];
  readonly memory: TargetMemory;
}

/** What an entry sends and leaves behind, on top of what is remembered of its target. */
export function encodeEntry(entry: Entry, { series, state }: TargetMemory): EncodedEntry {
  if (entry.kind === 'removal') {
    const points = series === undefined ? [] : encodeRemoval(series, entry.atUnixMs);
    return { points, logs: [], memory: { state } };
  }
  if (entry.kind === 'increments') {
    const { memory, ...encoded } = encodeIncrements(entry.increments, series);
    return { ...encoded, memory: { series: memory, state } };
  }
  const { memory, ...encoded } = encodeResult(entry.result, series);
  return { ...encoded, memory: { series: memory, state: entry.result.observation.state ?? state } };
}

/**
 * The entry as it is while the disk refuses it. Where the check keeps a state, its next run is given the
 * old one and counts the same again, so this one must not; the agent's own counters stay.
 */
export function withoutIncrements(entry: Entry): Entry {
  if (entry.kind !== 'result' || entry.result.observation.state === undefined) return entry;
  const { state: _, ...observation } = entry.result.observation;
  const measurements = observation.measurements.filter(
    ({ metric }) => metric.kind === 'gauge' || runMetrics.includes(metric),
  );
  return { ...entry, result: { ...entry.result, observation: { ...observation, measurements } } };
}
