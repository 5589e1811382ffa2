import { crc32 } from 'node:zlib';
import { errorCode } from '#lib/error-code';
import type { QueueFile } from './files.ts';
import { readRecordHeader, type RecordHeader, recordHeaderBytes, recordMarker } from './format.ts';

/** An intact record and where its payload lies in the file. */
export interface ScannedRecord extends RecordHeader {
  readonly payloadOffset: number;
}

export interface Scan {
  readonly bytes: Buffer;
  /** Ascending by position. */
  readonly records: readonly ScannedRecord[];
  /** Bytes that are no intact record. */
  readonly damagedBytes: number;
}

/**
 * Finds every intact record between `from` and `to`. After damage it goes on at the next intact
 * record header, so that what is lost is what was damaged.
 */
export async function scanRecords(
  file: QueueFile,
  salt: number,
  { from, to }: { from: number; to: number },
): Promise<Scan> {
  const bytes = Buffer.allocUnsafeSlow(to);
  await readDespiteBadSectors(file, bytes, 0);
  const records: ScannedRecord[] = [];
  let damagedBytes = 0;
  let offset = from;
  while (offset < to) {
    const header = readRecordHeader(bytes, offset, salt);
    const payloadOffset = offset + recordHeaderBytes;
    const next = header
      ? Math.min(payloadOffset + header.length, to)
      : nextHeader(bytes, offset + 1, salt);
    if (header && isIntact(bytes, payloadOffset, header))
      records.push({ ...header, payloadOffset });
    else damagedBytes += next - offset;
    offset = next;
  }
  return { bytes, records, damagedBytes };
}

/** Whether the payload of `header` lies at `payloadOffset`, whole. */
export function isIntact(bytes: Buffer, payloadOffset: number, header: RecordHeader): boolean {
  const end = payloadOffset + header.length;
  return end <= bytes.length && crc32(bytes.subarray(payloadOffset, end)) === header.payloadCrc;
}

function nextHeader(bytes: Buffer, from: number, salt: number): number {
  let offset = bytes.indexOf(recordMarker, from);
  while (offset >= 0 && readRecordHeader(bytes, offset, salt) === undefined) {
    offset = bytes.indexOf(recordMarker, offset + 1);
  }
  return offset < 0 ? bytes.length : offset;
}

const sectorBytes = 4096;

/** Fills the buffer with what can be read: a sector that gives an I/O error is zeros, hence damage. */
export async function readDespiteBadSectors(
  file: QueueFile,
  buffer: Buffer,
  offset: number,
): Promise<void> {
  try {
    const filled = await file.read(buffer, offset);
    buffer.fill(0, filled);
  } catch (error) {
    if (errorCode(error) !== 'EIO') throw error;
    if (buffer.length <= sectorBytes) {
      buffer.fill(0);
      return;
    }
    const middle = Math.ceil(buffer.length / 2 / sectorBytes) * sectorBytes;
    await readDespiteBadSectors(file, buffer.subarray(0, middle), offset);
    await readDespiteBadSectors(file, buffer.subarray(middle), offset + middle);
  }
}
