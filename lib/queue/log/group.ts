import { crc32 } from 'node:zlib';
import { type RecordHeader, recordHeaderBytes, writeRecordHeader } from '../format.ts';

/** Where one block lies in its segment. */
export interface BlockPlace {
  readonly position: number;
  readonly payloadOffset: number;
  readonly length: number;
  readonly appendedUnixMs: number;
}

/** Records to be written and synced together. */
export interface Group {
  readonly buffers: readonly Uint8Array[];
  readonly places: readonly BlockPlace[];
  /** Offset behind the group. */
  readonly end: number;
}

export interface GroupStart {
  readonly offset: number;
  /** Of the first block. */
  readonly position: number;
  readonly appendedUnixMs: number;
}

/** Frames blocks as records for `start.offset` of the segment with that salt; the blocks are not copied. */
export function encodeGroup(blocks: readonly Uint8Array[], start: GroupStart, salt: number): Group {
  const { appendedUnixMs } = start;
  const buffers: Uint8Array[] = [];
  const places: BlockPlace[] = [];
  let { offset: end, position } = start;
  for (const [ordinal, payload] of blocks.entries()) {
    buffers.push(
      ...encodeRecord({ kind: 'block', position, ordinal, appendedUnixMs }, payload, salt),
    );
    const payloadOffset = end + recordHeaderBytes;
    places.push({ position, payloadOffset, length: payload.length, appendedUnixMs });
    end = payloadOffset + payload.length;
    position += 1;
  }
  return { buffers, places, end };
}

/** The header of a record, and its payload. */
export function encodeRecord(
  header: Omit<RecordHeader, 'length' | 'payloadCrc'>,
  payload: Uint8Array,
  salt: number,
): [Buffer, Uint8Array] {
  const target = Buffer.allocUnsafe(recordHeaderBytes);
  const [length, payloadCrc] = [payload.length, crc32(payload)];
  writeRecordHeader(target, { ...header, length, payloadCrc }, salt);
  return [target, payload];
}
