import { type ParsedLine, numberSlots, spanSlots } from '../parser/line.ts';
import { fineBucket, fineCount } from './durations.ts';
import { methodOf, methods } from './methods.ts';

/** Classes of status codes; nginx's 000 and what lies beyond 599 are `other`. */
export const statusClasses = ['other', '1xx', '2xx', '3xx', '4xx', '5xx'] as const;

/** Index into `statusClasses` by status code. */
const classes = Uint8Array.from({ length: 600 }, (_, status) => Math.floor(status / 100));

/** Durations by route: fine buckets one route after the other, and sums. */
export class DurationTally {
  readonly buckets: Uint32Array;
  readonly sumsMs: Float64Array;

  constructor(routes: number) {
    this.buckets = new Uint32Array(routes * fineCount);
    this.sumsMs = new Float64Array(routes);
  }

  add(route: number, durationMs: number): void {
    if (Number.isNaN(durationMs)) return;
    const at = route * fineCount + fineBucket(durationMs);
    this.buckets[at] = (this.buckets[at] ?? 0) + 1;
    this.sumsMs[route] = (this.sumsMs[route] ?? 0) + durationMs;
  }

  merge(other: DurationTally): void {
    increase(this.buckets, other.buckets);
    increase(this.sumsMs, other.sumsMs);
  }

  of(route: number): Uint32Array {
    return this.buckets.subarray(route * fineCount, (route + 1) * fineCount);
  }
}

/** What the requests of one stretch of time add up to. */
export class Tally {
  /** By route, method and status class: see `cellOf`. */
  readonly requests: Float64Array;
  readonly sentBytes: Float64Array;
  readonly durations: DurationTally;
  readonly upstreams: DurationTally;

  constructor(routes: number) {
    this.requests = new Float64Array(cellOf(routes, 0, 0));
    this.sentBytes = new Float64Array(this.requests.length);
    this.durations = new DurationTally(routes);
    this.upstreams = new DurationTally(routes);
  }

  add(line: ParsedLine, route: number): void {
    const { bytes, spans, numbers } = line;
    const method = methodOf(
      bytes,
      spans[spanSlots.method] ?? -1,
      spans[spanSlots.method + 1] ?? -1,
    );
    const cell = cellOf(route, method, classes[line.status] ?? 0);
    const sent = numbers[numberSlots.sent] ?? Number.NaN;
    this.requests[cell] = (this.requests[cell] ?? 0) + 1;
    if (!Number.isNaN(sent)) this.sentBytes[cell] = (this.sentBytes[cell] ?? 0) + sent;
    this.durations.add(route, numbers[numberSlots.durationMs] ?? Number.NaN);
    this.upstreams.add(route, numbers[numberSlots.upstreamMs] ?? Number.NaN);
  }

  merge(other: Tally): void {
    increase(this.requests, other.requests);
    increase(this.sentBytes, other.sentBytes);
    this.durations.merge(other.durations);
    this.upstreams.merge(other.upstreams);
  }
}

/** Where `requests` and `sentBytes` keep a combination. */
export function cellOf(route: number, method: number, statusClass: number): number {
  return (route * methods.length + method) * statusClasses.length + statusClass;
}

function increase<Counts extends Float64Array | Uint32Array>(counts: Counts, by: Counts): void {
  for (let index = 0; index < counts.length; index++) {
    counts[index] = (counts[index] ?? 0) + (by[index] ?? 0);
  }
}
