import { join } from 'node:path';
import { type QueueFile, type QueueFileSystem } from './files.ts';
import {
  blocksOffset,
  decodeSegmentHeader,
  readRecordHeader,
  recordHeaderBytes,
  type SegmentHeader,
  segmentHeaderBytes,
  segmentSalt,
} from './format.ts';
import { type QueueIncident } from './incident.ts';
import { readDespiteBadSectors, type ScannedRecord, scanRecords } from './scan.ts';
import { Segment } from './segment.ts';

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
    const ends = await withFile(files, path, (file) => readEnds(file, path));
    candidates.push({ path, sequence: Number(sequence), ...ends });
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
  const { sealedThrough } = candidates.find(({ path }) => path === newest?.path) ?? {};
  if (newest && sealedThrough !== undefined) newest.end = sealedThrough + 1;
  else if (newest) await cutTornTail(place, newest, provenThrough);
  return segments;
}

/** The newest checkpoint that can be read, and where. */
export async function newestCheckpoint(
  { report }: Place,
  segments: readonly Segment[],
): Promise<{ segment: Segment; checkpoint: Uint8Array } | undefined> {
  for (const segment of segments.toReversed()) {
    const to = blocksOffset(segment.header);
    if (segment.header.checkpointLength === undefined || to > segment.size) continue;
    const { bytes, records } = await segment.use((file) => {
      return scanRecords(file, segment.salt, { from: segmentHeaderBytes, to });
    });
    const [record] = records;
    if (record?.kind === 'checkpoint') {
      const { payloadOffset } = record;
      return { segment, checkpoint: bytes.subarray(payloadOffset, payloadOffset + record.length) };
    }
    segment.damaged = true;
    report({ kind: 'damaged', file: segment.path, bytes: to - segmentHeaderBytes, blocks: 0 });
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
  const segment = new Segment({ ...place, path }, header);
  segment.size = candidate.size - (sealedThrough === undefined ? 0 : recordHeaderBytes);
  segment.damaged = candidate.header === undefined;
  return segment;
}

async function readEnds(
  file: QueueFile,
  path: string,
): Promise<Pick<Candidate, 'size' | 'header' | 'sealedThrough'>> {
  const size = await file.size();
  const head = Buffer.alloc(Math.min(size, segmentHeaderBytes));
  await readDespiteBadSectors(file, head, 0);
  const header = decodeSegmentHeader(head, path);
  const tail = Buffer.alloc(recordHeaderBytes);
  await readDespiteBadSectors(file, tail, Math.max(0, size - recordHeaderBytes));
  const last = header && readRecordHeader(tail, 0, segmentSalt(header.id, header.sequence));
  return { size, header, sealedThrough: last?.kind === 'seal' ? last.position : undefined };
}

/** The header of a segment that has lost its own, as far as its records tell. */
async function guessHeader(
  { files }: Place,
  { path, sequence, size }: Candidate,
  id: string,
): Promise<SegmentHeader | undefined> {
  const salt = segmentSalt(id, sequence);
  const { records } = await withFile(files, path, (file) => {
    return scanRecords(file, salt, { from: 0, to: size });
  });
  const [oldest] = records;
  if (!oldest) return undefined;
  const isBlock = oldest.kind === 'block';
  return {
    id,
    sequence,
    first: isBlock ? oldest.position : oldest.position + 1,
    checkpointLength: oldest.kind === 'checkpoint' ? oldest.length : undefined,
    createdUnixMs: oldest.appendedUnixMs,
  };
}

async function setAside(
  { files, report }: Place,
  candidate: Candidate,
  isNewest: boolean,
): Promise<void> {
  const { path, size } = candidate;
  if (size === 0) return files.remove(path);
  await files.rename(path, `${path}.damaged`);
  if (isNewest) report({ kind: 'torn', file: path, bytes: size });
  else report({ kind: 'damaged', file: path, bytes: size, blocks: 0 });
}

/** Cuts what the last process had not finished, and syncs the rest: what is surfaced from here on must stay. */
async function cutTornTail(
  { report }: Place,
  newest: Segment,
  provenThrough: number,
): Promise<void> {
  const { records } = await newest.scanAll();
  const last = withoutTornGroup(records, { first: newest.first, provenThrough }).at(-1);
  const size = last ? last.payloadOffset + last.length : segmentHeaderBytes;
  const tornBytes = newest.size - size;
  if (tornBytes > 0) report({ kind: 'torn', file: newest.path, bytes: tornBytes });
  await newest.use(async (file) => {
    if (tornBytes > 0) await file.truncate(size);
    await file.datasync();
  });
  newest.size = size;
  newest.end = (last?.position ?? newest.first - 1) + 1;
}

/**
 * Of the last group, what stands before its first hole: a power cut may have kept its later records
 * and lost earlier ones. Every other group was synced before the next was written, so a hole there
 * is damage, and what stands behind it is kept. So is a last group that ends in a seal, or one of
 * which somebody has acknowledged a block.
 */
function withoutTornGroup(
  records: readonly ScannedRecord[],
  { first, provenThrough }: { first: number; provenThrough: number },
): readonly ScannedRecord[] {
  const last = records.at(-1);
  if (!last || last.kind === 'seal') return records;
  const group = groupOf(last);
  if (Math.max(group, first) <= provenThrough) return records;
  const start = records.findIndex((record) => groupOf(record) === group);
  const hole = records.findIndex((record, index) => {
    return index >= start && record.ordinal !== index - start;
  });
  return hole < 0 ? records : records.slice(0, hole);
}

/** The same for all records of a group, and different for each group of a segment. */
function groupOf({ position, ordinal }: ScannedRecord): number {
  return position - ordinal;
}

async function withFile<Value>(
  files: QueueFileSystem,
  path: string,
  work: (file: QueueFile) => Promise<Value>,
): Promise<Value> {
  const file = await files.open(path);
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}
