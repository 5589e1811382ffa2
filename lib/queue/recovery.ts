import { join } from 'node:path';
import type { QueueFile, QueueFileSystem } from './files.ts';
import {
  blocksOffset,
  decodeSegmentHeader,
  encodeSegmentHeader,
  readRecordHeader,
  recordHeaderBytes,
  type SegmentHeader,
  segmentHeaderBytes,
  segmentSalt,
} from './format.ts';
import type { QueueIncident } from './incident.ts';
import { Segment } from './log/segment.ts';
import { readDespiteBadSectors, type ScannedRecord, scanRecords } from './scan.ts';

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

/** What the positions tell about the log. */
interface Known {
  readonly id: string;
  /** Somebody has acknowledged up to here: these blocks were on disk. */
  readonly provenThrough: number;
  /** Everybody has acknowledged up to here. */
  readonly doneThrough: number;
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
 * unless an acknowledgement shows that the group had been synced.
 */
export async function recoverSegments(
  place: Place,
  candidates: readonly Candidate[],
  { id, provenThrough, doneThrough }: Known,
): Promise<Segment[]> {
  const segments: Segment[] = [];
  for (const candidate of candidates) {
    const proven = candidate === candidates.at(-1) ? provenThrough : Infinity;
    const header = candidate.header ?? (await guessHeader(place, candidate, id, proven));
    if (header) segments.push(openSegment(place, candidate, header, id));
    else await setAside(place, candidate);
  }
  limitToSuccessors(segments);
  for (const segment of segments.slice(0, -1)) reportHeader(place, segment, doneThrough);
  const newest = segments.at(-1);
  const { sealedThrough } = candidates.find(({ path }) => path === newest?.path) ?? {};
  if (newest && sealedThrough !== undefined) newest.end = sealedThrough + 1;
  else if (newest) await cutTornTail(place, newest, provenThrough);
  // What is surfaced from here on must not vanish with the next power cut, nor the files it is in.
  await place.files.syncDirectory(place.directory);
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

/** From the first position of a segment on, what older ones hold is void. */
function limitToSuccessors(segments: readonly Segment[]): void {
  let end = Infinity;
  for (const segment of segments.toReversed()) {
    segment.end = Math.max(segment.first, end);
    end = Math.min(segment.first, end);
  }
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

/**
 * The header of a segment that has lost its own, as far as its records tell; undefined when it has none
 * that counts, or is the newest and was only being made.
 */
async function guessHeader(
  { files }: Place,
  { path, sequence, size }: Candidate,
  id: string,
  provenThrough: number,
): Promise<SegmentHeader | undefined> {
  const salt = segmentSalt(id, sequence);
  const { records } = await withFile(files, path, (file) => {
    return scanRecords(file, salt, { from: 0, to: size });
  });
  const proof = { provenThrough, startsWithCheckpoint: false };
  const [oldest] = withoutTornGroup(records, proof);
  if (!oldest) return undefined;
  return {
    id,
    sequence,
    first: firstOfGroup(oldest),
    checkpointLength: oldest.kind === 'checkpoint' ? oldest.length : undefined,
    createdUnixMs: oldest.appendedUnixMs,
  };
}

/** Reports a lost header, save of a segment that failed while it was made: nobody has anything to read there. */
function reportHeader({ report }: Place, segment: Segment, doneThrough: number): void {
  const { path, damaged, blocks, end } = segment;
  if (!damaged || blocks === 0 || end <= doneThrough + 1) return;
  report({ kind: 'damaged', file: path, bytes: segmentHeaderBytes, blocks: 0 });
}

/** What was lost with such a file shows as a hole between the segments around it. */
async function setAside({ files }: Place, { path, size }: Candidate): Promise<void> {
  await (size === 0 ? files.remove(path) : files.rename(path, `${path}.damaged`));
}

/**
 * Cuts what the last process had not finished, and writes the last group once more before it syncs it: when
 * that process died of a failed fsync, the kernel may have the bytes in memory, take them for clean, and
 * never write them.
 */
async function cutTornTail(
  { report }: Place,
  newest: Segment,
  provenThrough: number,
): Promise<void> {
  const { bytes, records } = await newest.scanAll();
  const startsWithCheckpoint = newest.header.checkpointLength !== undefined;
  const kept = withoutTornGroup(records, { provenThrough, startsWithCheckpoint });
  const last = kept.at(-1);
  const size = last ? last.payloadOffset + last.length : segmentHeaderBytes;
  const tornBytes = newest.size - size;
  if (tornBytes > 0 || newest.damaged) {
    const headerBytes = newest.damaged ? segmentHeaderBytes : 0;
    report({ kind: 'torn', file: newest.path, bytes: tornBytes + headerBytes });
  }
  encodeSegmentHeader(newest.header).copy(bytes);
  const start = kept.findIndex((record) => last && firstOfGroup(record) === firstOfGroup(last));
  const from =
    start > 0 && !newest.damaged ? (kept[start]?.payloadOffset ?? 0) - recordHeaderBytes : 0;
  await newest.use(async (file) => {
    if (tornBytes > 0) await file.truncate(size);
    await file.write([bytes.subarray(from, size)], from);
    await file.datasync();
  });
  newest.damaged = false;
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
  { provenThrough, startsWithCheckpoint }: Proof,
): readonly ScannedRecord[] {
  const last = records.at(-1);
  if (!last || last.kind === 'seal' || firstOfGroup(last) <= provenThrough) return records;
  const start = records.findIndex((record) => firstOfGroup(record) === firstOfGroup(last));
  const isTorn = start === 0 && startsWithCheckpoint && records[0]?.kind !== 'checkpoint';
  if (isTorn) return [];
  let ordinal = 0;
  const hole = records.findIndex((record, index) => {
    if (index < start || record.kind === 'checkpoint') return false;
    ordinal += 1;
    return record.ordinal !== ordinal - 1;
  });
  return hole < 0 ? records : records.slice(0, hole);
}

interface Proof {
  /** A position that somebody has acknowledged, hence one that was on disk. */
  readonly provenThrough: number;
  readonly startsWithCheckpoint: boolean;
}

/** Position of the first block in the group of a record: tells the groups of a segment apart. */
function firstOfGroup({ kind, position, ordinal }: ScannedRecord): number {
  return kind === 'block' ? position - ordinal : position + 1;
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
