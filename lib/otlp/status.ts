import { ProtobufReader } from '#lib/protobuf/reader';
import { ProtobufWriter } from '#lib/protobuf/writer';

/** google.rpc.Status, the body of every failure (opentelemetry-proto specification, "Failures"). */
export interface RpcStatus {
  /** google.rpc.Code: 3 invalid argument, 8 resource exhausted, 14 unavailable, 16 unauthenticated… */
  readonly code: number;
  readonly message: string;
}

/** What a success says: nothing, or how many points or records can never be accepted and why. */
export interface ExportResponse {
  readonly rejected: number;
  readonly message: string;
}

export function encodeStatus(status: RpcStatus): Uint8Array<ArrayBuffer> {
  const writer = new ProtobufWriter();
  if (status.code !== 0) writer.uint32(1, status.code);
  if (status.message !== '') writer.string(2, status.message);
  return writer.finish();
}

/** Throws DecodeError. */
export function decodeStatus(bytes: Uint8Array): RpcStatus {
  const reader = new ProtobufReader(bytes);
  let code = 0;
  let message = '';
  while (reader.more()) {
    switch (reader.field()) {
      case 1:
        code = reader.uint32();
        break;
      case 2:
        message = reader.string();
        break;
      default:
        reader.skip();
    }
  }
  return { code, message };
}

/** Encodes ExportMetricsServiceResponse and ExportLogsServiceResponse, which have the same form. */
export function encodeExportResponse(response: ExportResponse): Uint8Array<ArrayBuffer> {
  const writer = new ProtobufWriter();
  if (response.rejected !== 0 || response.message !== '') {
    const partialSuccess = writer.begin(1);
    if (response.rejected !== 0) writer.int64(1, response.rejected);
    if (response.message !== '') writer.string(2, response.message);
    writer.end(partialSuccess);
  }
  return writer.finish();
}

/** Throws DecodeError. A full success has 0 rejected and an empty message. */
export function decodeExportResponse(bytes: Uint8Array): ExportResponse {
  const reader = new ProtobufReader(bytes);
  let rejected = 0;
  let message = '';
  while (reader.more()) {
    if (reader.field() !== 1) {
      reader.skip();
      continue;
    }
    const outer = reader.enter();
    while (reader.more()) {
      switch (reader.field()) {
        case 1:
          rejected = Number(reader.int64());
          break;
        case 2:
          message = reader.string();
          break;
        default:
          reader.skip();
      }
    }
    reader.leave(outer);
  }
  return { rejected, message };
}
