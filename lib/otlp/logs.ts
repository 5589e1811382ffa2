import { ProtobufReader } from '#lib/protobuf/reader';
import type { ProtobufWriter } from '#lib/protobuf/writer';
import {
  AttributeBuilder,
  flattenValue,
  readAnyValue,
  readAttribute,
  writeAnyValue,
  writeAttributes,
} from './attributes.ts';
import type { DecodeLimits } from './limits.ts';
import { type DecodedLogs, LogsBuilder } from './logs-builder.ts';
import type { AttributeValue, LogRecord } from './model.ts';
import { readRequest, writeRequest } from './request.ts';

/** Decodes an ExportLogsServiceRequest; the promises are those of `decodeMetrics`. */
export function decodeLogs(bytes: Uint8Array, limits: DecodeLimits): DecodedLogs {
  const reader = new ProtobufReader(bytes);
  const builder = new LogsBuilder(limits);
  readRequest(reader, builder, () => readRecord(reader, builder));
  return builder.finish();
}

/** Encodes records as an ExportLogsServiceRequest; `decodeLogs` gives them back. */
export function encodeLogs(records: readonly LogRecord[]): Uint8Array<ArrayBuffer> {
  return writeRequest(records, (writer, items) => {
    for (const record of items) writeRecord(writer, record);
  });
}

function readRecord(reader: ProtobufReader, builder: LogsBuilder): void {
  const outer = reader.enter();
  const attributes = new AttributeBuilder(builder.limits);
  let timeUnixNano = 0n;
  let observedUnixNano = 0n;
  let severityNumber = 0;
  let severityText = '';
  let body: AttributeValue = '';
  while (reader.more()) {
    switch (reader.field()) {
      case 1:
        timeUnixNano = reader.fixed64();
        break;
      case 2:
        severityNumber = reader.uint32();
        break;
      case 3:
        severityText = reader.string();
        break;
      case 5:
        body = flattenValue(readAnyValue(reader, 0));
        break;
      case 6:
        readAttribute(reader, attributes);
        break;
      case 11:
        observedUnixNano = reader.fixed64();
        break;
      default:
        reader.skip();
    }
  }
  reader.leave(outer);
  builder.add({
    attributes,
    timeUnixNano,
    observedUnixNano,
    severityNumber,
    severityText,
    body: String(body),
  });
}

function writeRecord(writer: ProtobufWriter, record: LogRecord): void {
  const message = writer.begin(2);
  writer.fixed64(1, record.timeUnixNano);
  if (record.severityNumber !== 0) writer.uint32(2, record.severityNumber);
  if (record.severityText !== '') writer.string(3, record.severityText);
  writeAnyValue(writer, 5, record.body);
  writeAttributes(writer, 6, record.attributes);
  writer.end(message);
}
