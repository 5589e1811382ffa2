import { encodeExportResponse, encodeStatus } from '#lib/otlp/status';
import type { Signal } from '../queue/block.ts';
import type { Encoding } from '../receiver.ts';

/** Status codes that are answered, with the google.rpc.Code that goes with each. */
const rpcCodes = {
  400: 3, // INVALID_ARGUMENT
  401: 16, // UNAUTHENTICATED
  403: 7, // PERMISSION_DENIED
  405: 12, // UNIMPLEMENTED
  413: 8, // RESOURCE_EXHAUSTED
  415: 3,
  429: 8,
  503: 14, // UNAVAILABLE
} as const;

export type FailureCode = keyof typeof rpcCodes;

/** What a request could not be served for. */
export interface Failure {
  readonly code: FailureCode;
  readonly message: string;
  /** With 429 and 503, when to come again; 1 where it is not said. 0 would make stock exporters spin. */
  readonly afterSeconds?: number;
}

export const mediaTypes = {
  protobuf: 'application/x-protobuf',
  json: 'application/json',
} as const satisfies Record<Encoding, string>;

/** The encoding a Content-Type names, its parameters aside; undefined for any other. */
export function encodingOf(contentType: string | undefined): Encoding | undefined {
  const type = contentType?.split(';')[0]?.trim().toLowerCase();
  if (type === mediaTypes.protobuf) return 'protobuf';
  return type === mediaTypes.json ? 'json' : undefined;
}

/** The body of a failure: a google.rpc.Status in the encoding of the request. */
export function failureBody({ code, message }: Failure, encoding: Encoding): Buffer {
  const status = { code: rpcCodes[code], message };
  return encoding === 'json' ? json(status) : Buffer.from(encodeStatus(status));
}

/** Names of the count in partial_success (metrics_service.proto, logs_service.proto). */
const rejectedNames = { metrics: 'rejectedDataPoints', logs: 'rejectedLogRecords' } as const;

/** The body of a success: an Export…ServiceResponse, with partial_success where something was rejected. */
export function successBody(
  { rejected, message }: { readonly rejected: number; readonly message: string },
  signal: Signal,
  encoding: Encoding,
): Buffer {
  if (encoding === 'protobuf') return Buffer.from(encodeExportResponse({ rejected, message }));
  if (rejected === 0) return json({});
  const partialSuccess = { [rejectedNames[signal]]: String(rejected), errorMessage: message };
  return json({ partialSuccess });
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
