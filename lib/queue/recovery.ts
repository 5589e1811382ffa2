import { join } from 'node:path';
import { type QueueFile, type QueueFileSystem } from './files.ts';
import {
  decodeSegmentHeader,
  readRecordHeader,
  recordHeaderBytes,
  type SegmentHeader,
  segmentHeaderBytes,
  segmentSalt,
} from './format.ts';
import { type QueueIncident } from './incident.ts';
import { type ScannedRecord, scanRecords } from './scan.ts';
import { blocksAmong, Segment } from './segment.ts';

interface Place {
  readonly directory: string;
  readonly files: QueueFileSystem;
  readonly report: (incident: QueueIncident) => void;
}

export interface Candidate {
  readonly path: string;
  readonly sequence: number;
  readonly size: number;
  /** Undefined when it cannot be read. */
  readonly header: SegmentHeader | undefined;
  /** Position of the newest block, when the file ends with the seal of an orderly stop. */
  readonly sealedThrough: number | undefined;
}

const segmentName = /^(\d{12})\.segment$/;

/** Looks at every segment in the folder, oldest first. Throws on a file of a newer program. */
export async function listSegments({ directory, files }: Place): Promise<Candidate[]> {
  const candidates: Candidate[] = [];
  for (const name of (await files.list(directory)).sort()) {
    const sequence = segmentName.exec(name)?.[1];
    if (sequence === undefined) continue;
    const path = join(directory, name);
    candidates.push({ path, sequence: Number(sequence), ...(await readExtent(files, path)) });
  }
  return candidates;
}

/**
 * Turns what the folder holds into the log's segments. The newest is cut behind its last whole group,
 * unless positions up to `provenThrough` show that the group had been synced.
 */
export async function recoverSegments(
  place: Place,
  candidates: readonly Candidate[],
  { id, provenThrough }: { id: string; provenThrough: number },
): Promise<Segment[]> {
  const segments: Segment[] = [];
  for (const candidate of candidates) {
    const header = candidate.header ?? (await guessHeader(place, candidate, id));
    if (header === undefined) await setAside(place, candidate, candidate === candidates.at(-1));
    else segments.push(openSegment(place, candidate, header, id));
  }
  segments.reduceRight((end, segment) => {
    segment.end = Math.max(segment.first, end);
    return Math.min(segment.first, end);
  }, Infinity);
  const newest = segments.at(-1);
  if (newest) await findEnd(place, newest, { candidates, provenThrough });
  return segments;
}

/** The newest checkpoint that can be read, and where. */
export async function newestCheckpoint(
  { report }: Place,
  segments: readonly Segment[],
): Promise<{ segment: Segment; checkpoint: Uint8Array } | undefined> {
  for (const segment of segments.toReversed()) {
    if (segment.header.checkpointLength === undefined) continue;
    const length = recordHeaderBytes + segment.header.checkpointLength;
    const to = segmentHeaderBytes + length;
    const { bytes, records } = await segment.use((file) => {
      return scanRecords(file, segment.salt, { from: segmentHeaderBytes, to });
    });
    await segment.release();
    const [record] = records;
    if (record?.kind === 'checkpoint') {
      const { payloadOffset } = record;
      return { segment, checkpoint: bytes.subarray(payloadOffset, payloadOffset + record.length) };
    }
    segment.damaged = true;
    report({ kind: 'damaged', file: segment.path, bytes: length, blocks: 0 });
  }
  return undefined;
}

function openSegment(
  place: Place,
  candidate: Candidate,
  header: SegmentHeader,
  id: string,
): Segment {
  const { path, sealedThrough } = candidate;
  if (header.id !== id) {
    throw new Error(
      `cannot open the queue: ${path} belongs to another queue (${header.id}, this one is ${id}); move it elsewhere`,
    );
  }
  const size = candidate.size - (sealedThrough === undefined ? 0 : recordHeaderBytes);
  const segment = new Segment({ ...place, path }, header, { end: header.first, size });
  segment.damaged = candidate.header === undefined;
  return segment;
}

async function readExtent(
  files: QueueFileSystem,
  path: string,
): Promise<Pick<Candidate, 'size' | 'header' | 'sealedThrough'>> {
  const file = await files.open(path);
  try {
    const size = await file.size();
    const bytes = Buffer.alloc(segmentHeaderBytes);
    const filled = await file.read(bytes, 0);
    const header = decodeSegmentHeader(bytes.subarray(0, filled), path);
    const sealedThrough = header && (await readSeal(file, size, header));
    return { size, header, sealedThrough };
  } finally {
    await file.close();
  }
}

async function readSeal(
  file: QueueFile,
  size: number,
  { id, sequence }: SegmentHeader,
): Promise<number | undefined> {
  const tail = Buffer.alloc(recordHeaderBytes);
  await file.read(tail, Math.max(0, size - recordHeaderBytes));
  const record = readRecordHeader(tail, 0, segmentSalt(id, sequence));
  return record?.kind === 'seal' ? record.position : undefined;
}

/** The header of a segment that has lost its own, as far as its records tell. */
async function guessHeader(
  { files }: Place,
  { path, sequence, size }: Candidate,
  id: string,
): Promise<SegmentHeader | undefined> {
  const file = await files.open(path);
  try {
    const { records } = await scanRecords(file, segmentSalt(id, sequence), { from: 0, to: size });
    const [oldest] = records;
    if (oldest === undefined) return undefined;
    const isCheckpoint = oldest.kind === 'checkpoint';
    return {
      id,
      sequence,
      first: oldest.kind === 'block' ? oldest.position : oldest.position + 1,
      checkpointLength: isCheckpoint ? oldest.length : undefined,
      createdUnixMs: oldest.appendedUnixMs,
    };
  } finally {
    await file.close();
  }
}

async function setAside(
  { files, report }: Place,
  { path, size }: Candidate,
  isNewest: boolean,
): Promise<void> {
  if (size === 0) return files.remove(path);
  await files.rename(path, `${path}.damaged`);
  if (isNewest) report({ kind: 'torn', file: path, bytes: size });
  else report({ kind: 'damaged', file: path, bytes: size, blocks: 0 });
}

async function findEnd(
  { report }: Place,
  newest: Segment,
  { candidates, provenThrough }: { candidates: readonly Candidate[]; provenThrough: number },
): Promise<void> {
  const candidate = candidates.find(({ path }) => path === newest.path);
  if (candidate?.sealedThrough !== undefined) {
    newest.end = candidate.sealedThrough + 1;
    return;
  }
  const { records } = await newest.scanAll();
  const kept = withoutTornGroup(records, provenThrough);
  const last = kept.at(-1);
  const size = last ? last.payloadOffset + last.length : segmentHeaderBytes;
  newest.end =
    (blocksAmong(kept, { from: newest.first, to: Infinity }).at(-1)?.position ?? newest.first - 1) +
    1;
  if (newest.size > size) report({ kind: 'torn', file: newest.path, bytes: newest.size - size });
  await newest.use(async (file) => {
    if (newest.size > size) await file.truncate(size);
    // What is surfaced from here on must not vanish with the next power cut.
    await file.datasync();
  });
  newest.size = size;
}

/**
 * Of the last group, what stands before its first hole: a power cut may have kept its later records
 * and lost earlier ones. Every other group was synced before the next was written, so a hole there
 * is damage, and what stands behind it is kept.
 */
function withoutTornGroup(
  records: readonly ScannedRecord[],
  provenThrough: number,
): readonly ScannedRecord[] {
  const last = records.at(-1);
  if (last === undefined || last.kind === 'seal') return records;
  const group = groupOf(last);
  const start = records.findIndex((record) => groupOf(record) === group);
  if (group <= provenThrough) return records;
  const hole = records.findIndex((record, index) => {
    return index >= start && record.ordinal !== index - start;
  });
  return hole < 0 ? records : records.slice(0, hole);
}

/** The same for all records of a group, and different for each group of a segment. */
function groupOf({ position, ordinal }: ScannedRecord): number {
  return position - ordinal;
}
