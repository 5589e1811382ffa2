import { bisect } from './bisect.ts';
import { errorCode, type QueueFile, type QueueFileSystem } from './files.ts';
import {
  blocksOffset,
  readRecordHeader,
  recordHeaderBytes,
  type SegmentHeader,
  segmentHeaderBytes,
  segmentSalt,
} from './format.ts';
import { type BlockPlace, type Group } from './group.ts';
import { type QueueIncident } from './incident.ts';
import { isIntact, type Scan, type ScannedRecord, scanRecords } from './scan.ts';

/** A block as a consumer reads it. */
export interface QueueEntry {
  /** Counts blocks from 1, over restarts; a gap means that the block was lost to damage. */
  readonly position: number;
  readonly block: Uint8Array;
  readonly appendedUnixMs: number;
}

export interface Extent {
  readonly blocks: number;
  readonly bytes: number;
}

export interface Pending extends Extent {
  readonly oldestUnixMs: number | undefined;
}

interface IndexedRecord extends BlockPlace {
  /** Payload bytes of the segment up to and including this block. */
  readonly bytesThrough: number;
}

export interface SegmentPlace {
  readonly files: QueueFileSystem;
  readonly path: string;
  readonly report: (incident: QueueIncident) => void;
}

/**
 * One file of the log: the blocks of positions [first, end). Its index is in memory only while
 * somebody reads there; without it the counts come from the size of the file.
 */
export class Segment {
  readonly path: string;
  readonly header: SegmentHeader;
  readonly salt: number;
  /** First position that is not here: a later segment's, or the next to be written. */
  end: number;
  /** Bytes of the file that count; what lies beyond was never acknowledged. */
  size: number;
  /** What the segments before this one hold: what waits is a difference of two such sums. */
  before: Extent = { blocks: 0, bytes: 0 };
  damaged = false;
  readonly #files: QueueFileSystem;
  readonly #report: (incident: QueueIncident) => void;
  #records: IndexedRecord[] | undefined;
  #loading: Promise<readonly IndexedRecord[]> | undefined;
  #file: Promise<QueueFile> | undefined;
  #users = 0;
  #missing = 0;
  #retired = false;

  constructor(place: SegmentPlace, header: SegmentHeader) {
    this.#files = place.files;
    this.#report = place.report;
    this.path = place.path;
    this.header = header;
    this.salt = segmentSalt(header.id, header.sequence);
    this.end = header.first;
    this.size = blocksOffset(header);
  }

  get first(): number {
    return this.header.first;
  }

  /** Blocks written here, lost ones included. */
  get blocks(): number {
    return this.end - this.first;
  }

  /** Bytes of these blocks. */
  get bytes(): number {
    return Math.max(0, this.size - blocksOffset(this.header) - this.blocks * recordHeaderBytes);
  }

  /** What the segments up to and including this one hold. */
  get through(): Extent {
    return { blocks: this.before.blocks + this.blocks, bytes: this.before.bytes + this.bytes };
  }

  get isLoaded(): boolean {
    return this.#records !== undefined;
  }

  /** Takes over the open file of a new segment. */
  adopt(file: QueueFile): void {
    this.#file = Promise.resolve(file);
    this.#records = [];
  }

  /** Takes note of blocks that were written and synced behind the last. */
  extend({ places, end }: Group): void {
    this.#records?.push(...accumulate(places, this.#records.at(-1)?.bytesThrough));
    this.end += places.length;
    this.size = end;
  }

  /** Blocks behind `position`; while the index is not loaded, all of them. */
  pendingAfter(position: number): Pending {
    const records = this.#records;
    if (records === undefined) {
      const { blocks, bytes } = this;
      return { blocks, bytes, oldestUnixMs: blocks > 0 ? this.header.createdUnixMs : undefined };
    }
    const from = indexAfter(records, position);
    return {
      blocks: records.length - from,
      bytes: (records.at(-1)?.bytesThrough ?? 0) - (records[from - 1]?.bytesThrough ?? 0),
      oldestUnixMs: records[from]?.appendedUnixMs,
    };
  }

  /** The oldest intact block behind `position`. Loads the index. */
  async placeAfter(position: number): Promise<BlockPlace | undefined> {
    const records = await this.#load();
    return records[indexAfter(records, position)];
  }

  /**
   * Reads the blocks behind `position` that fit into `bytesMax`; at least one when `force`. `more` says
   * that there are others. Blocks that are no longer intact are left out, and reported.
   */
  async read(
    position: number,
    bytesMax: number,
    force: boolean,
  ): Promise<{ entries: readonly QueueEntry[]; more: boolean }> {
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const records = await this.#load();
      const from = indexAfter(records, position);
      const bytesBefore = records[from - 1]?.bytesThrough ?? 0;
      const to = Math.max(indexBeyond(records, bytesBefore + bytesMax), force ? from + 1 : from);
      const entries = await this.#readRecords(records.slice(from, to));
      if (entries) return { entries, more: to < records.length };
      await this.#scan();
    }
    throw new Error(`cannot read ${this.path}: every read gives something else`);
  }

  /** Forgets the index, and closes the file once nobody uses it. */
  async release(): Promise<void> {
    this.#records = undefined;
    await this.#closeWhenIdle();
  }

  /** To be called before the file goes: whoever still reads here finds nothing. */
  async retire(): Promise<void> {
    this.#retired = true;
    await this.release();
  }

  /** The intact records of the file, whatever they are. */
  scanAll(): Promise<Scan> {
    return this.use((file) => {
      return scanRecords(file, this.salt, { from: segmentHeaderBytes, to: this.size });
    });
  }

  /** Runs `work` on the open file, which is not closed under it. */
  async use<Value>(work: (file: QueueFile) => Promise<Value>): Promise<Value> {
    this.#users += 1;
    try {
      return await work(await this.#open());
    } finally {
      this.#users -= 1;
      await this.#closeWhenIdle();
    }
  }

  /** A file that could not be opened (no descriptor was left) is tried again by whoever comes next. */
  #open(): Promise<QueueFile> {
    this.#file ??= this.#files.open(this.path).catch((error: unknown) => {
      this.#file = undefined;
      throw error;
    });
    return this.#file;
  }

  async #load(): Promise<readonly IndexedRecord[]> {
    if (this.#retired) return [];
    return this.#records ?? (await this.#scan());
  }

  #scan(): Promise<readonly IndexedRecord[]> {
    this.#loading ??= this.#index().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  async #index(): Promise<readonly IndexedRecord[]> {
    const end = this.end;
    const { records, damagedBytes } = await this.#scanUnlessGone();
    if (this.#retired) return [];
    const blocks = blocksAmong(records, { from: this.first, to: end });
    this.#noteDamage(end - this.first - blocks.length, damagedBytes);
    const writtenMeanwhile = this.#records?.filter(({ position }) => position >= end) ?? [];
    this.#records = accumulate([...blocks, ...writtenMeanwhile]);
    return this.#records;
  }

  /** A file that somebody has deleted is a segment of which nothing is left. */
  async #scanUnlessGone(): Promise<Pick<Scan, 'records' | 'damagedBytes'>> {
    try {
      return await this.scanAll();
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error;
      return { records: [], damagedBytes: this.size };
    }
  }

  #noteDamage(missing: number, bytes: number): void {
    if (missing <= this.#missing) return;
    this.damaged = true;
    this.#report({ kind: 'damaged', file: this.path, bytes, blocks: missing - this.#missing });
    this.#missing = missing;
  }

  /** The entries, or undefined when one of them is no longer intact. */
  async #readRecords(records: readonly IndexedRecord[]): Promise<QueueEntry[] | undefined> {
    const entries: QueueEntry[] = [];
    for (let from = 0, to = 0; from < records.length; from = to) {
      to = endOfRun(records, from);
      const run = await this.#readRun(records.slice(from, to));
      if (!run) return undefined;
      entries.push(...run);
    }
    return entries;
  }

  /** Reads records that follow each other without damage between them. */
  async #readRun(records: readonly IndexedRecord[]): Promise<QueueEntry[] | undefined> {
    const [first, last] = [records[0], records.at(-1)];
    if (!first || !last) return [];
    const offset = first.payloadOffset - recordHeaderBytes;
    const bytes = Buffer.allocUnsafeSlow(last.payloadOffset + last.length - offset);
    const filled = await readOrNothing(() => this.use((file) => file.read(bytes, offset)));
    if (filled < bytes.length) return undefined;
    const entries: QueueEntry[] = [];
    for (const { position, payloadOffset, length, appendedUnixMs } of records) {
      const start = payloadOffset - offset;
      const header = readRecordHeader(bytes, start - recordHeaderBytes, this.salt);
      if (header?.position !== position || !isIntact(bytes, start, header)) return undefined;
      entries.push({ position, block: bytes.subarray(start, start + length), appendedUnixMs });
    }
    return entries;
  }

  async #closeWhenIdle(): Promise<void> {
    if (this.#users > 0 || this.#records !== undefined) return;
    const file = this.#file;
    this.#file = undefined;
    await (await file)?.close();
  }
}

/** The blocks among `records` with positions in [from, to), each position once. */
function blocksAmong(
  records: readonly ScannedRecord[],
  { from, to }: { from: number; to: number },
): ScannedRecord[] {
  let next = from;
  return records.filter(({ kind, position }) => {
    if (kind !== 'block' || position < next || position >= to) return false;
    next = position + 1;
    return true;
  });
}

/** Bytes read; none from a bad sector or a file that is gone: the scan that follows says what is lost. */
async function readOrNothing(read: () => Promise<number>): Promise<number> {
  try {
    return await read();
  } catch (error) {
    if (!['EIO', 'ENOENT'].includes(errorCode(error) ?? '')) throw error;
    return 0;
  }
}

/** Index behind the records that follow `from` without a gap in the file. */
function endOfRun(records: readonly BlockPlace[], from: number): number {
  const gap = records.findIndex(({ payloadOffset }, index) => {
    const previous = records[index - 1];
    if (index <= from || !previous) return false;
    return payloadOffset - recordHeaderBytes !== previous.payloadOffset + previous.length;
  });
  return gap < 0 ? records.length : gap;
}

function accumulate(blocks: readonly BlockPlace[], bytesBefore = 0): IndexedRecord[] {
  let bytesThrough = bytesBefore;
  return blocks.map(({ position, payloadOffset, length, appendedUnixMs }) => {
    bytesThrough += length;
    return { position, payloadOffset, length, appendedUnixMs, bytesThrough };
  });
}

/** Index of the first record behind `position`. */
function indexAfter(records: readonly IndexedRecord[], position: number): number {
  return bisect(records.length, (index) => (records[index]?.position ?? Infinity) <= position);
}

/** Index of the first record with which the blocks of the segment exceed `bytesMax`. */
function indexBeyond(records: readonly IndexedRecord[], bytesMax: number): number {
  return bisect(records.length, (index) => (records[index]?.bytesThrough ?? Infinity) <= bytesMax);
}
