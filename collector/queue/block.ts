import { ProtobufReader } from '#lib/protobuf/reader';
import { ProtobufWriter } from '#lib/protobuf/writer';
import { compress, type Payload } from './payload.ts';

/*
 * A block is one accepted request, as the queue keeps it: a protobuf message of its own.
 *
 *     1 format       2, always first
 *     2 signal       0 metrics, 1 logs
 *     3 agent        who made the data, where one agent did
 *     4 key          id of the key it came with
 *     5 received     milliseconds since the epoch
 *     6 outbox       id of the agent's outbox, where the request was numbered…
 *     7 first        …and the positions in it that the request covers
 *     8 last
 *     9 payload      ExportMetricsServiceRequest or ExportLogsServiceRequest, as gzip, always last
 *    10 inflated     bytes of the payload once it is inflated
 *
 * In format 1 the payload was as it is, not gzip, and field 10 was not there.
 */

export const signals = ['metrics', 'logs'] as const;
export type Signal = (typeof signals)[number];

/** The positions of an agent's outbox that a request covers, both ends included. */
export interface OutboxRange {
  readonly outbox: string;
  readonly first: number;
  readonly last: number;
}

/** Everything known of a block but the data. */
export interface BlockHeader {
  readonly signal: Signal;
  /** Empty where the data are of no agent, or of several. */
  readonly agent: string;
  readonly keyId: string;
  readonly receivedUnixMs: number;
  /** Undefined for a sender that does not number its requests. */
  readonly range: OutboxRange | undefined;
}

export interface Block extends BlockHeader {
  readonly payload: Payload;
}

const formatVersion = 2;

export function encodeBlock({ payload, range, ...header }: Block): Uint8Array<ArrayBuffer> {
  const writer = new ProtobufWriter();
  writer.uint32(1, formatVersion);
  writer.uint32(2, signals.indexOf(header.signal));
  writer.string(3, header.agent);
  writer.string(4, header.keyId);
  writer.int64(5, Math.floor(header.receivedUnixMs));
  if (range !== undefined) {
    writer.string(6, range.outbox);
    writer.int64(7, range.first);
    writer.int64(8, range.last);
  }
  writer.int64(10, payload.inflatedBytes);
  writer.bytes(9, payload.gzip);
  return writer.finish();
}

/** The payload is a view of `bytes`. Throws for a block of a newer program, and DecodeError for no block. */
export function decodeBlock(bytes: Uint8Array): Block {
  const reader = new ProtobufReader(bytes);
  let signal: Signal | undefined;
  let [agent, keyId, outbox] = ['', '', ''];
  let [format, receivedUnixMs, first, last, inflatedBytes] = [0, 0, 0, 0, 0];
  let gzip: Uint8Array = new Uint8Array();
  while (reader.more()) {
    switch (reader.field()) {
      case 1:
        format = reader.uint32();
        checkFormat(format);
        break;
      case 2:
        signal = signals[reader.uint32()];
        break;
      case 3:
        agent = reader.string();
        break;
      case 4:
        keyId = reader.string();
        break;
      case 5:
        receivedUnixMs = Number(reader.int64());
        break;
      case 6:
        outbox = reader.string();
        break;
      case 7:
        first = Number(reader.int64());
        break;
      case 8:
        last = Number(reader.int64());
        break;
      case 9:
        gzip = reader.bytes();
        break;
      case 10:
        inflatedBytes = Number(reader.int64());
        break;
      default:
        reader.skip();
    }
  }
  if (signal === undefined) throw new Error('cannot read a block of the queue: it has no signal');
  const range = outbox === '' ? undefined : { outbox, first, last };
  const payload = format === 1 ? compress(gzip) : { gzip, inflatedBytes };
  return { signal, agent, keyId, receivedUnixMs, range, payload };
}

function checkFormat(version: number): void {
  if (version <= formatVersion) return;
  throw new Error(
    `cannot read a block of the queue: it has format ${version}, this program knows ${formatVersion}; start the newer version`,
  );
}
