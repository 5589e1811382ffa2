import { type LogRecord, type MetricPoint } from '#lib/otlp/model';
import { seriesKey } from './series-key.ts';
import { type Batch } from './sinks/sink.ts';

/** How many points and log records a batch carries. */
export function countItems(batch: Batch): number {
  return batch.points.length + batch.logs.length;
}

/** The batch as parts of at most `itemsMax`, to be delivered in this order. An empty batch has none. */
export function divide(batch: Batch, itemsMax: number): readonly Batch[] {
  if (countItems(batch) === 0) return [];
  return countItems(batch) <= itemsMax ? [batch] : slices(arrange(batch), itemsMax);
}

/** The batch in two, to be delivered in this order; undefined when it is a single point or record. */
export function halve(batch: Batch): readonly [Batch, Batch] | undefined {
  const [first, second] = slices(arrange(batch), Math.ceil(countItems(batch) / 2));
  return first && second ? [first, second] : undefined;
}

interface Keyed<Item> {
  readonly key: string;
  readonly item: Item;
}

/**
 * Points of a series side by side and in order of time, so that parts keep the order within each
 * series and halving closes in on a series.
 */
function arrange(batch: Batch): Batch {
  const points = batch.points.map((item) => ({ key: seriesKey(item), item })).sort(bySeriesAndTime);
  return { points: points.map(({ item }) => item), logs: batch.logs };
}

function bySeriesAndTime(left: Keyed<MetricPoint>, right: Keyed<MetricPoint>): number {
  if (left.key !== right.key) return left.key < right.key ? -1 : 1;
  return Number(left.item.timeUnixNano - right.item.timeUnixNano);
}

function slices({ points, logs }: Batch, itemsMax: number): readonly Batch[] {
  const parts: Batch[] = [];
  for (let from = 0; from < points.length + logs.length; from += itemsMax) {
    const to = from + itemsMax;
    parts.push({
      points: points.slice(from, to),
      logs: sliceFrom(logs, from - points.length, to - points.length),
    });
  }
  return parts;
}

function sliceFrom(logs: readonly LogRecord[], from: number, to: number): readonly LogRecord[] {
  return logs.slice(Math.max(from, 0), Math.max(to, 0));
}
