import type { Attributes, MetricPoint } from '#lib/otlp/model';
import { ProtobufWriter } from '#lib/protobuf/writer';
import { attributesKey } from '../../series-key.ts';
import { labelName, metricName } from './names.ts';

/** One series of the backend. The same labels are always the same object. */
export interface Series {
  /** The `labels` fields of a remote-write TimeSeries, sorted by name, none of them empty. */
  readonly encodedLabels: Uint8Array;
}

export interface Sample {
  readonly unixMs: number;
  readonly value: number | 'stale';
}

/** A name that has nothing in it which Prometheus could store. */
export class UnwritableName extends Error {
  override readonly name = 'UnwritableName';
}

/** What one OTLP series becomes: one series, or those of a histogram: each bucket, then sum and count. */
interface Translation {
  readonly bounds: string;
  readonly series: readonly Series[];
}

type Labels = ReadonlyMap<string, string>;

const translationsMax = 100_000;

/** Turns points into samples by series. What the series of a point is called is worked out once. */
export class SeriesTable {
  readonly #extra: Readonly<Record<string, string>>;
  /** Numbers stand for attributes in the keys of translations: looking up a long text costs its length. */
  readonly #attributes = new Map<string, number>();
  readonly #translations = new Map<string, Translation>();
  readonly #series = new Map<string, Series>();

  /** `extra` labels are added where a point has none of that name. */
  constructor(extra: Readonly<Record<string, string>>) {
    this.#extra = extra;
  }

  /**
   * The samples of each series in order of time, one per millisecond: of several the last one given.
   */
  group(points: readonly MetricPoint[]): ReadonlyMap<Series, readonly Sample[]> | UnwritableName {
    if (this.#translations.size > translationsMax) this.#forget();
    const groups = new Map<Series, Sample[]>();
    for (const point of points) {
      const translation = this.#translate(point);
      if (translation instanceof UnwritableName) return translation;
      const unixMs = Number(point.timeUnixNano / 1_000_000n);
      const values = valuesOf(point, translation.series.length);
      for (const [index, series] of translation.series.entries()) {
        const value = values[index];
        if (value !== undefined) add(groups, series, { unixMs, value });
      }
    }
    return groups;
  }

  #translate(point: MetricPoint): Translation | UnwritableName {
    const key = this.#keyOf(point);
    const known = this.#translations.get(key);
    const bounds = typeof point.value === 'object' ? point.value.bounds.join() : known?.bounds;
    if (known !== undefined && known.bounds === bounds) return known;
    const name = metricName(point);
    if (name === undefined) {
      return new UnwritableName(`cannot write the metric name ${JSON.stringify(point.name)}`);
    }
    const labelSets = labelSetsOf(point, name, labelsOf(point, this.#extra));
    const translation = {
      bounds: bounds ?? '',
      series: labelSets.map((labels) => this.#intern(labels)),
    };
    this.#translations.set(key, translation);
    return translation;
  }

  /** Short, and the same for all points of a series. */
  #keyOf({ name, unit, kind, monotonic, resource, attributes }: MetricPoint): string {
    const numbers = `${this.#numberOf(resource)} ${this.#numberOf(attributes)}`;
    return `${numbers} ${kind} ${monotonic} ${unit.length} ${unit}${name}`;
  }

  #numberOf(attributes: Attributes): number {
    const key = attributesKey(attributes);
    const known = this.#attributes.get(key);
    if (known !== undefined) return known;
    const number = this.#attributes.size;
    this.#attributes.set(key, number);
    return number;
  }

  #intern(labels: Labels): Series {
    const encodedLabels = encodeLabels(labels);
    const key = Buffer.from(encodedLabels).toString('latin1');
    const series = this.#series.get(key) ?? { encodedLabels };
    this.#series.set(key, series);
    return series;
  }

  #forget(): void {
    this.#attributes.clear();
    this.#translations.clear();
    this.#series.clear();
  }
}

/** Aligned with the series of a translation; undefined where a point says nothing of one. */
function valuesOf(
  { value }: MetricPoint,
  length: number,
): readonly (Sample['value'] | undefined)[] {
  if (typeof value === 'number') return [value];
  if (value === undefined) return Array.from({ length }, () => 'stale');
  let below = 0;
  const cumulative = value.counts.map((count) => (below += count));
  return [...cumulative, value.sum, value.count];
}

function add(groups: Map<Series, Sample[]>, series: Series, sample: Sample): void {
  const samples = groups.get(series);
  if (samples === undefined) {
    groups.set(series, [sample]);
    return;
  }
  let index = samples.length;
  while (index > 0 && (samples[index - 1]?.unixMs ?? 0) > sample.unixMs) index--;
  const replaced = samples[index - 1]?.unixMs === sample.unixMs ? 1 : 0;
  samples.splice(index - replaced, replaced, sample);
}

/** Attributes under their labels; those that meet under one label are joined in order of their names. */
function labelsOf(
  point: MetricPoint,
  extra: Readonly<Record<string, string>>,
): Map<string, string> {
  const labels = new Map<string, string>();
  for (const [name, value] of Object.entries(point.attributes).sort(byName)) {
    const label = labelName(name);
    if (label === undefined) continue;
    const before = labels.get(label);
    labels.set(label, before === undefined ? String(value) : `${before};${value}`);
  }
  const {
    'service.namespace': namespace,
    'service.name': service,
    'service.instance.id': instance,
  } = point.resource;
  if (service !== undefined) {
    labels.set('job', namespace === undefined ? String(service) : `${namespace}/${service}`);
  }
  if (instance !== undefined) labels.set('instance', String(instance));
  for (const [name, value] of Object.entries(extra)) {
    const label = labelName(name);
    if (label !== undefined && !labels.has(label)) labels.set(label, value);
  }
  return labels;
}

function labelSetsOf(point: MetricPoint, name: string, labels: Labels): readonly Labels[] {
  if (point.kind !== 'histogram') return [named(labels, name)];
  const bounds = typeof point.value === 'object' ? point.value.bounds : [];
  const buckets = [...bounds.map(decimal), '+Inf'];
  return [
    ...buckets.map((le) => named(labels, `${name}_bucket`).set('le', le)),
    named(labels, `${name}_sum`),
    named(labels, `${name}_count`),
  ];
}

function named(labels: Labels, name: string): Map<string, string> {
  return new Map(labels).set('__name__', name);
}

function encodeLabels(labels: Labels): Uint8Array {
  const writer = new ProtobufWriter();
  for (const [name, value] of [...labels].filter((label) => label[1] !== '').sort(byName)) {
    const label = writer.begin(1);
    writer.string(1, name);
    writer.string(2, value);
    writer.end(label);
  }
  return writer.finish();
}

function byName([left]: readonly [string, unknown], [right]: readonly [string, unknown]): number {
  return left < right ? -1 : Number(left > right);
}

/** All digits and no exponent, as Prometheus writes `le`. */
function decimal(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  const text = String(value);
  if (!text.includes('e')) return text;
  const [mantissa = '', exponent = ''] = text.split('e');
  const sign = mantissa.startsWith('-') ? '-' : '';
  const [whole = '', fraction = ''] = mantissa.replace('-', '').split('.');
  const shift = Number(exponent);
  return shift < 0
    ? `${sign}0.${'0'.repeat(-shift - whole.length)}${whole}${fraction}`
    : `${sign}${whole}${fraction.padEnd(shift, '0')}`;
}
