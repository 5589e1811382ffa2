import { deflateRawSync, inflateRawSync } from 'node:zlib';

/*
 * A block of the outbox: one byte, the version of this format, then deflated (RFC 1951)
 *
 *   u32 length of metrics | u32 length of logs | metrics | logs | memory       (integers little-endian)
 *
 * Metrics and logs are OTLP export requests, ready to be sent. Memory is text, a line for each target
 * concerned: its key, a tab, and what must be known of it after a restart, as JSON (nothing: forget it).
 * A checkpoint of the queue is the memory of all targets, in the same lines.
 */

const version = 1;
const headBytes = 8;

/** What results leave behind in one write: what to send, and what to remember. */
export interface OutboxRecord {
  readonly metrics: Uint8Array;
  readonly logs: Uint8Array;
  /** By target, what to remember; an empty text forgets it. */
  readonly memory: ReadonlyMap<string, string>;
}

export function encodeRecord({ metrics, logs, memory }: OutboxRecord): Uint8Array {
  const head = Buffer.alloc(headBytes);
  head.writeUInt32LE(metrics.length, 0);
  head.writeUInt32LE(logs.length, 4);
  const frame = Buffer.concat([head, metrics, logs, encodeMemory(memory)]);
  return Buffer.concat([Buffer.of(version), deflateRawSync(frame)]);
}

/** Throws for what this program did not write. */
export function decodeRecord(block: Uint8Array): OutboxRecord {
  const { memory, ...requests } = openFrame(inflateRawSync(bodyOf(block)));
  return { ...requests, memory: decodeMemory(memory) };
}

/** What there is to send. Throws for what this program did not write. */
export function decodeRequests(block: Uint8Array): Pick<OutboxRecord, 'metrics' | 'logs'> {
  const { metrics, logs } = openFrame(inflateRawSync(bodyOf(block)));
  return { metrics, logs };
}

export function encodeMemory(memory: ReadonlyMap<string, string>): Uint8Array {
  return Buffer.from(Array.from(memory, ([key, text]) => `${key}\t${text}\n`).join(''));
}

export function decodeMemory(bytes: Uint8Array): ReadonlyMap<string, string> {
  const lines = Buffer.from(bytes).toString().split('\n').slice(0, -1);
  return new Map(
    lines.map((line) => {
      const tab = line.indexOf('\t');
      return [line.slice(0, tab), line.slice(tab + 1)];
    }),
  );
}

function bodyOf(block: Uint8Array): Uint8Array {
  if (block[0] !== version) {
    throw new Error(
      `cannot read an outbox record of format ${block[0]}: this program knows format ${version}; run the version that wrote it until the outbox is empty`,
    );
  }
  return block.subarray(1);
}

function openFrame(frame: Buffer): Record<keyof OutboxRecord, Uint8Array> {
  const logsStart = headBytes + frame.readUInt32LE(0);
  const memoryStart = logsStart + frame.readUInt32LE(4);
  if (memoryStart > frame.length) throw new Error('cannot read an outbox record: it is cut off');
  return {
    metrics: frame.subarray(headBytes, logsStart),
    logs: frame.subarray(logsStart, memoryStart),
    memory: frame.subarray(memoryStart),
  };
}
