import type { AttributeBuilder } from './attributes.ts';
import { type DecodeLimits, type Problem, Rejections, TooManyError } from './limits.ts';
import type { Attributes, HistogramValue, MetricPoint } from './model.ts';

/** The flat points of one export request, and what was left out. */
export interface DecodedMetrics {
  readonly points: readonly MetricPoint[];
  readonly rejected: Rejections;
}

/** What all points of a metric have in common. */
export interface MetricHeader {
  readonly name: string;
  readonly unit: string;
  readonly description: string;
  /** Undefined for the kinds that the flat model does not have: exponential histogram, summary. */
  readonly kind: MetricPoint['kind'] | undefined;
  readonly monotonic: boolean;
  /** 1 delta, 2 cumulative; of no meaning for gauges. */
  readonly temporality: number;
}

/** A metric whose points the flat model can hold. */
export type AcceptedHeader = MetricHeader & Pick<MetricPoint, 'kind'>;

/** One data point as it is on the wire; `value` undefined where there is none. */
export interface WirePoint {
  readonly attributes: AttributeBuilder;
  readonly startUnixNano: bigint;
  readonly timeUnixNano: bigint;
  readonly flags: number;
  readonly value: number | HistogramValue | undefined;
}

const cumulative = 2;

/** The only flag of a data point (metrics.proto, DataPointFlags). */
export const noRecordedValue = 1;

/** Makes flat points of what a decoder, binary or JSON, finds; decides what cannot be one. */
export class MetricsBuilder {
  readonly limits: DecodeLimits;
  readonly #points: MetricPoint[] = [];
  readonly #rejected = new Rejections();
  #resource: Attributes = {};
  #resourceProblem: Problem | undefined;
  #items = 0;

  constructor(limits: DecodeLimits) {
    this.limits = limits;
  }

  /** The metrics that follow belong to this resource. */
  enterResource(attributes: AttributeBuilder): void {
    this.#resource = attributes.values;
    this.#resourceProblem = attributes.problem;
  }

  /** Whether the points of a metric can be taken at all; if not, they are counted as rejected. */
  accepts(metric: MetricHeader, pointCount: number): metric is AcceptedHeader {
    this.#items += pointCount;
    if (this.#items > this.limits.items) {
      throw new TooManyError(`more than ${this.limits.items} data points in one message`);
    }
    const problem = this.#resourceProblem ?? problemOfMetric(metric, this.limits);
    if (problem !== undefined) this.#reject(metric, pointCount, problem);
    return problem === undefined;
  }

  /** Takes a point of a metric that was accepted. */
  add(metric: AcceptedHeader, point: WirePoint): void {
    const recorded = (point.flags & noRecordedValue) === 0;
    const value = recorded ? completeHistogram(point.value) : undefined;
    const problem =
      point.attributes.problem ?? (recorded ? problemOfValue(value, this.limits) : undefined);
    if (problem !== undefined) {
      this.#reject(metric, 1, problem);
      return;
    }
    this.#points.push({
      resource: this.#resource,
      name: metric.name,
      unit: metric.unit,
      description: metric.description,
      kind: metric.kind,
      monotonic: metric.kind === 'histogram' || (metric.kind === 'sum' && metric.monotonic),
      attributes: point.attributes.values,
      startUnixNano: point.startUnixNano,
      timeUnixNano: point.timeUnixNano,
      value,
    });
  }

  finish(): DecodedMetrics {
    return { points: this.#points, rejected: this.#rejected };
  }

  #reject(metric: MetricHeader, count: number, problem: Problem): void {
    const name = metric.name.slice(0, this.limits.name);
    this.#rejected.add(problem.reason, count, `${name}: ${problem.example}`);
  }
}

function problemOfMetric(metric: MetricHeader, limits: DecodeLimits): Problem | undefined {
  const { name, unit, description, kind, temporality } = metric;
  if (name === '') return { reason: 'malformed', example: 'a metric without a name' };
  const longest = Math.max(name.length, unit.length);
  if (longest > limits.name || description.length > limits.value) {
    return { reason: 'too_long', example: 'name, unit or description is too long' };
  }
  if (kind === undefined) {
    const example = 'send explicit bucket histograms; exponential ones and summaries are not taken';
    return { reason: 'unsupported_kind', example };
  }
  if (kind !== 'gauge' && temporality !== cumulative) {
    return { reason: 'delta', example: 'set the exporter to cumulative temporality' };
  }
  return undefined;
}

/** A histogram of one bucket may leave both arrays out (metrics.proto, bucket_counts). */
function completeHistogram(value: WirePoint['value']): WirePoint['value'] {
  const isBare = typeof value === 'object' && value.counts.length + value.bounds.length === 0;
  return isBare ? { ...value, counts: [value.count] } : value;
}

function problemOfValue(value: WirePoint['value'], limits: DecodeLimits): Problem | undefined {
  if (typeof value === 'number') return undefined;
  if (value === undefined) return { reason: 'malformed', example: 'a point without a value' };
  const { bounds, counts, count } = value;
  if (counts.length > limits.buckets) {
    const example = `${counts.length} buckets, the limit is ${limits.buckets}`;
    return { reason: 'too_many_buckets', example };
  }
  if (counts.length !== bounds.length + 1) {
    return malformed(`${counts.length} buckets do not fit ${bounds.length} bounds`);
  }
  if (!bounds.every((bound, index) => bound > (bounds[index - 1] ?? -Infinity))) {
    return malformed('histogram bounds do not ascend');
  }
  if (!Number.isSafeInteger(count) || counts.some((bucket) => bucket < 0)) {
    return malformed('a count is negative or beyond 2^53');
  }
  const total = counts.reduce((sum, bucket) => sum + bucket, 0);
  if (total === count) return undefined;
  return malformed(`count is ${count}, its buckets add up to ${total}`);
}

function malformed(example: string): Problem {
  return { reason: 'malformed', example };
}
