/**
 * Bytes on disk. Integers are little-endian; positions and sequence numbers take 48 bits.
 *
 *   file      preamble, then what its kind says
 *   preamble  "farpoint" 8 | kind 4 | format version 4 | CRC-32 of these 16
 *   segment   preamble 20 | queue id 16 | sequence 6 | first position 6 | checkpoint length 4 |
 *             created f64 | CRC-32 of these 60, then records
 *   record    marker 3, kind 1 | length 4 | position 6 | ordinal in its group 2 | appended f64 |
 *             CRC-32 of the payload 4 | CRC-32 of these 28 | payload
 *
 * Every version keeps the preamble, so that an older program knows a newer file from a damaged one.
 * The header of a record is sealed with a CRC that starts from the segment's salt: bytes that look
 * like a record inside somebody's block are never taken for one when the scan looks for the next.
 */
import { crc32 } from 'node:zlib';

const formatVersion = 1;
const magic = Buffer.from('farpoint');

export const preambleBytes = 20;
export const segmentHeaderBytes = 64;
export const recordHeaderBytes = 32;

/** What every record starts with; the scan looks for it after damage. */
export const recordMarker = Buffer.from([0xf7, 0x9a, 0xc3]);

export type FileKind = 'segm' | 'posi';
export type RecordKind = 'block' | 'checkpoint' | 'seal';
const recordKinds: readonly RecordKind[] = ['block', 'checkpoint', 'seal'];

export function writePreamble(target: Buffer, kind: FileKind): void {
  magic.copy(target, 0);
  target.write(kind, 8, 'latin1');
  target.writeUInt32LE(formatVersion, 12);
  target.writeUInt32LE(crc32(target.subarray(0, 16)), 16);
}

/** Whether the preamble is intact. Throws when a newer program wrote the file. */
export function checkPreamble(source: Buffer, kind: FileKind, path: string): boolean {
  if (source.length < preambleBytes) return false;
  const intact =
    source.subarray(0, 8).equals(magic) &&
    source.toString('latin1', 8, 12) === kind &&
    source.readUInt32LE(16) === crc32(source.subarray(0, 16));
  if (!intact) return false;
  const version = source.readUInt32LE(12);
  if (version > formatVersion) {
    throw new Error(
      `cannot read ${path}: it has format version ${version}, this program knows up to ${formatVersion}; run the newer program`,
    );
  }
  return true;
}

export interface SegmentHeader {
  readonly id: string;
  readonly sequence: number;
  /** Position of the first block this segment may hold; from it on, older segments are void. */
  readonly first: number;
  /** Bytes of the checkpoint's payload; undefined when the segment starts without one. */
  readonly checkpointLength: number | undefined;
  readonly createdUnixMs: number;
}

const noCheckpoint = 0xffff_ffff;

export function encodeSegmentHeader(header: SegmentHeader): Buffer {
  const target = Buffer.alloc(segmentHeaderBytes);
  writePreamble(target, 'segm');
  writeId(target, 20, header.id);
  target.writeUIntLE(header.sequence, 36, 6);
  target.writeUIntLE(header.first, 42, 6);
  target.writeUInt32LE(header.checkpointLength ?? noCheckpoint, 48);
  target.writeDoubleLE(header.createdUnixMs, 52);
  target.writeUInt32LE(crc32(target.subarray(0, 60)), 60);
  return target;
}

/** The header, or undefined when it is damaged. Throws when a newer program wrote the file. */
export function decodeSegmentHeader(source: Buffer, path: string): SegmentHeader | undefined {
  if (!checkPreamble(source, 'segm', path)) return undefined;
  if (source.length < segmentHeaderBytes) return undefined;
  if (source.readUInt32LE(60) !== crc32(source.subarray(0, 60))) return undefined;
  const checkpointLength = source.readUInt32LE(48);
  return {
    id: readId(source, 20),
    sequence: source.readUIntLE(36, 6),
    first: source.readUIntLE(42, 6),
    checkpointLength: checkpointLength === noCheckpoint ? undefined : checkpointLength,
    createdUnixMs: source.readDoubleLE(52),
  };
}

/** Where a segment's blocks start. */
export function blocksOffset(header: SegmentHeader): number {
  return (
    segmentHeaderBytes +
    (header.checkpointLength === undefined ? 0 : recordHeaderBytes + header.checkpointLength)
  );
}

/** Derived, not stored, so that the records of a segment with a damaged header stay readable. */
export function segmentSalt(id: string, sequence: number): number {
  return crc32(`${id}/${sequence}`);
}

export interface RecordHeader {
  readonly kind: RecordKind;
  readonly length: number;
  /** Of a block: its own. Of a checkpoint or seal: the newest block it covers. */
  readonly position: number;
  /** Counts the blocks written and synced together, from 0. */
  readonly ordinal: number;
  readonly appendedUnixMs: number;
  readonly payloadCrc: number;
}

export function writeRecordHeader(target: Buffer, header: RecordHeader, salt: number): void {
  recordMarker.copy(target, 0);
  target[3] = recordKinds.indexOf(header.kind);
  target.writeUInt32LE(header.length, 4);
  target.writeUIntLE(header.position, 8, 6);
  target.writeUInt16LE(header.ordinal, 14);
  target.writeDoubleLE(header.appendedUnixMs, 16);
  target.writeUInt32LE(header.payloadCrc, 24);
  target.writeUInt32LE(crc32(target.subarray(0, 28), salt), 28);
}

/** The record header at `offset`, or undefined when there is no intact one. */
export function readRecordHeader(
  source: Buffer,
  offset: number,
  salt: number,
): RecordHeader | undefined {
  if (offset + recordHeaderBytes > source.length) return undefined;
  if (recordMarker.compare(source, offset, offset + 3) !== 0) return undefined;
  const sealed = crc32(source.subarray(offset, offset + 28), salt);
  if (source.readUInt32LE(offset + 28) !== sealed) return undefined;
  const kind = recordKinds[source.readUInt8(offset + 3)];
  if (kind === undefined) return undefined;
  return {
    kind,
    length: source.readUInt32LE(offset + 4),
    position: source.readUIntLE(offset + 8, 6),
    ordinal: source.readUInt16LE(offset + 14),
    appendedUnixMs: source.readDoubleLE(offset + 16),
    payloadCrc: source.readUInt32LE(offset + 24),
  };
}

/** A UUID as its 16 bytes. */
export function writeId(target: Buffer, offset: number, id: string): void {
  target.write(id.replaceAll('-', ''), offset, 'hex');
}

export function readId(source: Buffer, offset: number): string {
  const hex = source.toString('hex', offset, offset + 16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join('-');
}
