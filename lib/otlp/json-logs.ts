import { AttributeBuilder, flattenValue } from './attributes.ts';
import {
  anyValueOf,
  type JsonObject,
  nanosecondsOf,
  readJsonAttributes,
  smallIntegerOf,
  textOf,
} from './json.ts';
import { readJsonRequest } from './json-request.ts';
import type { DecodeLimits } from './limits.ts';
import { type DecodedLogs, LogsBuilder } from './logs-builder.ts';

/** Decodes an ExportLogsServiceRequest in JSON; the promises are those of `decodeMetrics`. */
export function decodeLogsJson(bytes: Uint8Array, limits: DecodeLimits): DecodedLogs {
  const builder = new LogsBuilder(limits);
  const names = { resources: 'resourceLogs', scopes: 'scopeLogs', items: 'logRecords' };
  readJsonRequest(bytes, { names, builder }, (record) => readRecord(record, builder));
  return builder.finish();
}

function readRecord(record: JsonObject, builder: LogsBuilder): void {
  const attributes = new AttributeBuilder(builder.limits);
  readJsonAttributes(record['attributes'], attributes);
  builder.add({
    attributes,
    timeUnixNano: nanosecondsOf(record['timeUnixNano'], 'timeUnixNano'),
    observedUnixNano: nanosecondsOf(record['observedTimeUnixNano'], 'observedTimeUnixNano'),
    severityNumber: smallIntegerOf(record['severityNumber'], 'severityNumber'),
    severityText: textOf(record['severityText'], 'severityText'),
    body: String(flattenValue(anyValueOf(record['body'], 0))),
  });
}
