import { errorCode } from '#lib/error-code';
import type { QueueFile, QueueFileSystem } from '../files.ts';
import {
  blocksOffset,
  readRecordHeader,
  recordHeaderBytes,
  type SegmentHeader,
  segmentHeaderBytes,
  segmentSalt,
} from '../format.ts';
import type { QueueIncident } from '../incident.ts';
import { isIntact, type Scan, type ScannedRecord, scanRecords } from '../scan.ts';
import type { BlockPlace, Group } from './group.ts';
import { type Extent, type Pending, SegmentIndex } from './segment-index.ts';

/** A block as a consumer reads it. */
export interface QueueEntry {
  /** Counts blocks from 1, over restarts; a gap means that the block was lost to damage. */
  readonly position: number;
  readonly block: Uint8Array;
  readonly appendedUnixMs: number;
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
  #index: SegmentIndex | undefined;
  #loading: Promise<SegmentIndex> | undefined;
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
    return this.#index !== undefined;
  }

  /** Takes over the open file of a new segment. */
  adopt(file: QueueFile): void {
    this.#file = Promise.resolve(file);
    this.#index = new SegmentIndex([]);
  }

  /** Takes note of blocks that were written and synced behind the last. */
  extend({ places, end }: Group): void {
    this.#index?.add(places);
    this.end += places.length;
    this.size = end;
  }

  /** Blocks behind `position`; while the index is not loaded, all of them. */
  pendingAfter(position: number): Pending {
    if (this.#index !== undefined) return this.#index.pendingAfter(position);
    const { blocks, bytes } = this;
    return { blocks, bytes, oldestUnixMs: blocks > 0 ? this.header.createdUnixMs : undefined };
  }

  /** The oldest intact block behind `position`. Loads the index. */
  async placeAfter(position: number): Promise<BlockPlace | undefined> {
    return (await this.#load()).placeAfter(position);
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
      const { places, more } = (await this.#load()).fitting(position, bytesMax, force);
      const entries = await this.#readPlaces(places);
      if (entries) return { entries, more };
      await this.#scan();
    }
    throw new Error(`cannot read ${this.path}: every read gives something else`);
  }

  /** Forgets the index, and closes the file once nobody uses it. */
  async release(): Promise<void> {
    this.#index = undefined;
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

  async #load(): Promise<SegmentIndex> {
    if (this.#retired) return new SegmentIndex([]);
    return this.#index ?? (await this.#scan());
  }

  #scan(): Promise<SegmentIndex> {
    this.#loading ??= this.#makeIndex().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  async #makeIndex(): Promise<SegmentIndex> {
    const end = this.end;
    const { records, damagedBytes } = await this.#scanUnlessGone();
    if (this.#retired) return new SegmentIndex([]);
    const blocks = blocksAmong(records, { from: this.first, to: end });
    this.#noteDamage(end - this.first - blocks.length, damagedBytes);
    const writtenMeanwhile = this.#index?.placesAfter(end - 1) ?? [];
    this.#index = new SegmentIndex([...blocks, ...writtenMeanwhile]);
    return this.#index;
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
  async #readPlaces(places: readonly BlockPlace[]): Promise<QueueEntry[] | undefined> {
    const entries: QueueEntry[] = [];
    for (let from = 0, to = 0; from < places.length; from = to) {
      to = endOfRun(places, from);
      const run = await this.#readRun(places.slice(from, to));
      if (!run) return undefined;
      entries.push(...run);
    }
    return entries;
  }

  /** Reads blocks that follow each other without damage between them. */
  async #readRun(places: readonly BlockPlace[]): Promise<QueueEntry[] | undefined> {
    const [first, last] = [places[0], places.at(-1)];
    if (!first || !last) return [];
    const offset = first.payloadOffset - recordHeaderBytes;
    const bytes = Buffer.allocUnsafeSlow(last.payloadOffset + last.length - offset);
    const filled = await readOrNothing(() => this.use((file) => file.read(bytes, offset)));
    if (filled < bytes.length) return undefined;
    const entries: QueueEntry[] = [];
    for (const { position, payloadOffset, length, appendedUnixMs } of places) {
      const start = payloadOffset - offset;
      const header = readRecordHeader(bytes, start - recordHeaderBytes, this.salt);
      if (header?.position !== position || !isIntact(bytes, start, header)) return undefined;
      entries.push({ position, block: bytes.subarray(start, start + length), appendedUnixMs });
    }
    return entries;
  }

  async #closeWhenIdle(): Promise<void> {
    if (this.#users > 0 || this.#index !== undefined) return;
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

/** Index behind the blocks that follow `from` without a gap in the file. */
function endOfRun(places: readonly BlockPlace[], from: number): number {
  const gap = places.findIndex(({ payloadOffset }, index) => {
    const previous = places[index - 1];
    if (index <= from || !previous) return false;
    return payloadOffset - recordHeaderBytes !== previous.payloadOffset + previous.length;
  });
  return gap < 0 ? places.length : gap;
}
