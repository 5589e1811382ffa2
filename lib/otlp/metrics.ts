import { ProtobufReader } from '#lib/protobuf/reader';
import type { ProtobufWriter } from '#lib/protobuf/writer';
import { AttributeSets } from './attribute-sets.ts';
import { AttributeBuilder, writeAttributes } from './attributes.ts';
import type { DecodeLimits } from './limits.ts';
import {
  type AcceptedHeader,
  type DecodedMetrics,
  type MetricHeader,
  MetricsBuilder,
  noRecordedValue,
} from './metrics-builder.ts';
import type { HistogramValue, MetricPoint } from './model.ts';
import { readRequest, writeRequest } from './request.ts';

/**
 * Decodes an ExportMetricsServiceRequest (collector/metrics/v1/metrics_service.proto). Concatenated
 * requests decode as one, fields come in any order, unknown fields are skipped. Points of one
 * resource share its object. Throws DecodeError for bytes that are not such a message, TooManyError
 * beyond `limits.items`; what is wrong with single points is reported in `rejected`.
 */
export function decodeMetrics(bytes: Uint8Array, limits: DecodeLimits): DecodedMetrics {
  const reader = new ProtobufReader(bytes);
  const builder = new MetricsBuilder(limits);
  const decoding = { reader, builder, attributeSets: new AttributeSets(limits) };
  readRequest(reader, builder, () => readMetric(decoding));
  return builder.finish();
}

/** Encodes points as an ExportMetricsServiceRequest; `decodeMetrics` gives them back. */
export function encodeMetrics(points: readonly MetricPoint[]): Uint8Array<ArrayBuffer> {
  return writeRequest(points, (writer, items) => {
    for (const metric of groupByMetric(items)) writeMetric(writer, metric);
  });
}

interface Decoding {
  readonly reader: ProtobufReader;
  readonly builder: MetricsBuilder;
  readonly attributeSets: AttributeSets;
}

/** Field numbers of the `data` oneof of Metric. */
const kindByField: Readonly<Record<number, MetricPoint['kind'] | undefined>> = {
  5: 'gauge',
  7: 'sum',
  9: 'histogram',
};

function readMetric(decoding: Decoding): void {
  const { reader } = decoding;
  const outer = reader.enter();
  let name = '';
  let unit = '';
  let description = '';
  let dataField = 0;
  let data: number[] = [];
  while (reader.more()) {
    const field = reader.field();
    switch (field) {
      case 1:
        name = reader.string();
        break;
      case 2:
        description = reader.string();
        break;
      case 3:
        unit = reader.string();
        break;
      case 5:
      case 7:
      case 9:
      case 10:
      case 11:
        // Of a oneof the last member wins, and the same member twice is merged.
        if (field !== dataField) data = [];
        dataField = field;
        data.push(reader.skipMessage());
        break;
      default:
        reader.skip();
    }
  }
  readData(decoding, data, { name, unit, description, kind: kindByField[dataField] });
  reader.leave(outer);
}

/** Reads the one or more pieces of a Gauge, Sum, Histogram, ExponentialHistogram or Summary. */
function readData(
  decoding: Decoding,
  data: readonly number[],
  metric: Pick<MetricHeader, 'name' | 'unit' | 'description' | 'kind'>,
): void {
  const { reader, builder } = decoding;
  const points: number[] = [];
  let temporality = 0;
  let monotonic = false;
  for (const at of data) {
    const outer = reader.enterAt(at);
    while (reader.more()) {
      switch (reader.field()) {
        case 1:
          points.push(reader.skipMessage());
          break;
        case 2:
          temporality = reader.uint32();
          break;
        case 3:
          monotonic = reader.bool();
          break;
        default:
          reader.skip();
      }
    }
    reader.leave(outer);
  }
  const header: MetricHeader = { ...metric, temporality, monotonic };
  if (!builder.accepts(header, points.length)) return;
  for (const at of points) {
    const outer = reader.enterAt(at);
    if (header.kind === 'histogram') readHistogramPoint(decoding, header);
    else readNumberPoint(decoding, header);
    reader.leave(outer);
  }
}

function readNumberPoint(decoding: Decoding, metric: AcceptedHeader): void {
  const { reader, builder, attributeSets } = decoding;
  let attributes: AttributeBuilder | undefined;
  let startUnixNano = 0n;
  let timeUnixNano = 0n;
  let flags = 0;
  let value: number | undefined;
  while (reader.more()) {
    switch (reader.field()) {
      case 2:
        startUnixNano = reader.fixed64();
        break;
      case 3:
        timeUnixNano = reader.fixed64();
        break;
      case 4:
        value = reader.double();
        break;
      case 6:
        value = reader.sfixed64Number();
        break;
      case 7:
        attributes = attributeSets.read(reader, attributes);
        break;
      case 8:
        flags = reader.uint32();
        break;
      default:
        reader.skip();
    }
  }
  attributes ??= new AttributeBuilder(builder.limits);
  builder.add(metric, { attributes, startUnixNano, timeUnixNano, flags, value });
}

function readHistogramPoint(decoding: Decoding, metric: AcceptedHeader): void {
  const { reader, builder, attributeSets } = decoding;
  let attributes: AttributeBuilder | undefined;
  const bounds: number[] = [];
  const counts: number[] = [];
  let startUnixNano = 0n;
  let timeUnixNano = 0n;
  let flags = 0;
  let count = 0;
  let sum: number | undefined;
  while (reader.more()) {
    switch (reader.field()) {
      case 2:
        startUnixNano = reader.fixed64();
        break;
      case 3:
        timeUnixNano = reader.fixed64();
        break;
      case 4:
        count = reader.fixed64Number();
        break;
      case 5:
        sum = reader.double();
        break;
      case 6:
        reader.fixed64Numbers(counts);
        break;
      case 7:
        reader.doubles(bounds);
        break;
      case 9:
        attributes = attributeSets.read(reader, attributes);
        break;
      case 10:
        flags = reader.uint32();
        break;
      default:
        reader.skip();
    }
  }
  const value = { bounds, counts, count, sum };
  attributes ??= new AttributeBuilder(builder.limits);
  builder.add(metric, { attributes, startUnixNano, timeUnixNano, flags, value });
}

/** Points of one metric of one resource, in the order given. Lengths keep names and units apart. */
function groupByMetric(points: readonly MetricPoint[]): Iterable<readonly MetricPoint[]> {
  return Map.groupBy(points, ({ kind, monotonic, name, unit, description }) =>
    [kind, monotonic, name.length, unit.length, name, unit, description].join(' '),
  ).values();
}

function writeMetric(writer: ProtobufWriter, points: readonly MetricPoint[]): void {
  const [first] = points;
  if (first === undefined) return;
  const metric = writer.begin(2);
  writer.string(1, first.name);
  if (first.description !== '') writer.string(2, first.description);
  if (first.unit !== '') writer.string(3, first.unit);
  writeData(writer, first, points);
  writer.end(metric);
}

const fieldByKind = { gauge: 5, sum: 7, histogram: 9 } as const;
const cumulative = 2;

function writeData(
  writer: ProtobufWriter,
  first: MetricPoint,
  points: readonly MetricPoint[],
): void {
  const data = writer.begin(fieldByKind[first.kind]);
  for (const point of points) writePoint(writer, point);
  if (first.kind !== 'gauge') writer.uint32(2, cumulative);
  if (first.kind === 'sum' && first.monotonic) writer.bool(3, true);
  writer.end(data);
}

function writePoint(writer: ProtobufWriter, point: MetricPoint): void {
  const message = writer.begin(1);
  const isHistogram = point.kind === 'histogram';
  writeAttributes(writer, isHistogram ? 9 : 7, point.attributes);
  if (point.startUnixNano !== 0n) writer.fixed64(2, point.startUnixNano);
  writer.fixed64(3, point.timeUnixNano);
  if (point.value === undefined) writer.uint32(isHistogram ? 10 : 8, noRecordedValue);
  else if (typeof point.value === 'number') writer.double(4, point.value);
  else writeHistogram(writer, point.value);
  writer.end(message);
}

function writeHistogram(writer: ProtobufWriter, value: HistogramValue): void {
  writer.fixed64(4, BigInt(value.count));
  if (value.sum !== undefined) writer.double(5, value.sum);
  writer.fixed64Numbers(6, value.counts);
  writer.doubles(7, value.bounds);
}
