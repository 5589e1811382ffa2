import { AttributeBuilder, flattenValue } from './attributes.ts';
import {
  anyValueOf,
  type JsonObject,
  listOf,
  objectOf,
  parseJson,
  readJsonAttributes,
  smallIntegerOf,
  textOf,
} from './json.ts';
import { nanosecondsOf, resourceOf } from './json-metrics.ts';
import { type DecodeLimits } from './limits.ts';
import { type DecodedLogs, LogsBuilder } from './logs-builder.ts';

/** Decodes an ExportLogsServiceRequest in JSON; the promises are those of `decodeMetrics`. */
export function decodeLogsJson(bytes: Uint8Array, limits: DecodeLimits): DecodedLogs {
  const builder = new LogsBuilder(limits);
  for (const element of listOf(parseJson(bytes)['resourceLogs'], 'resourceLogs')) {
    const resourceLogs = objectOf(element, 'resourceLogs');
    builder.enterResource(resourceOf(resourceLogs, limits));
    for (const scope of listOf(resourceLogs['scopeLogs'], 'scopeLogs')) {
      for (const record of listOf(objectOf(scope, 'scopeLogs')['logRecords'], 'logRecords')) {
        readRecord(objectOf(record, 'logRecord'), builder);
      }
    }
  }
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
