import type { LogRecord, MetricPoint } from '#lib/otlp/model';
import { seriesKey } from '../series-key.ts';
import type { Batch } from '../sinks/sink.ts';

/** How many points and log records a batch carries. */
export function countItems(batch: Batch): number {
  return batch.points.length + batch.logs.length;
}

/** The batch as parts of at most `itemsMax`, to be delivered in this order. An empty batch has none. */
export function divide(batch: Batch, itemsMax: number): readonly Batch[] {
  if (countItems(batch) === 0) return [];
  return countItems(batch) <= itemsMax ? [batch] : slices(byTime(batch), itemsMax);
}

/**
 * The batch in two, to be delivered in this order; undefined when it is a single point or record.
 * Either arrangement keeps the points of a series in order.
 */
export function halve(
  batch: Batch,
  arrange: (batch: Batch) => Batch,
): readonly [Batch, Batch] | undefined {
  const [first, second] = slices(arrange(batch), Math.ceil(countItems(batch) / 2));
  return first && second ? [first, second] : undefined;
}

/** The oldest first: halving closes in on a time. */
export function byTime({ points, logs }: Batch): Batch {
  return { points: points.toSorted(olderFirst), logs };
}

/** Points of a series side by side: halving closes in on a series. */
export function bySeries({ points, logs }: Batch): Batch {
  const keyed = points.map((point) => ({ key: seriesKey(point), point }));
  keyed.sort((left, right) => {
    if (left.key !== right.key) return left.key < right.key ? -1 : 1;
    return olderFirst(left.point, right.point);
  });
  return { points: keyed.map(({ point }) => point), logs };
}

/** A point's time in whole milliseconds. */
export function unixMsOf({ timeUnixNano }: MetricPoint | LogRecord): number {
  return Number(timeUnixNano / 1_000_000n);
}

function olderFirst(left: MetricPoint, right: MetricPoint): number {
  return Number(left.timeUnixNano - right.timeUnixNano);
}

function slices({ points, logs }: Batch, itemsMax: number): readonly Batch[] {
  const parts: Batch[] = [];
  for (let from = 0; from < points.length + logs.length; from += itemsMax) {
    const to = from + itemsMax;
    parts.push({
      points: points.slice(from, to),
      logs: logs.slice(Math.max(from - points.length, 0), Math.max(to - points.length, 0)),
    });
  }
  return parts;
}
