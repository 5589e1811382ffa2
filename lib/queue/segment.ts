import { type QueueFile, type QueueFileSystem } from './files.ts';
import {
  blocksOffset,
  readRecordHeader,
  recordHeaderBytes,
  type SegmentHeader,
  segmentHeaderBytes,
  segmentSalt,
} from './format.ts';
import { type QueueIncident } from './incident.ts';
import { isIntact, type Scan, type ScannedRecord, scanRecords } from './scan.ts';

/** A block as a consumer reads it. */
export interface QueueEntry {
  /** Counts blocks from 1, without gaps, over restarts. */
  readonly position: number;
  readonly block: Uint8Array;
  readonly appendedUnixMs: number;
}

/** Where one block lies. */
export interface BlockPlace {
  readonly position: number;
  readonly payloadOffset: number;
  readonly length: number;
  readonly appendedUnixMs: number;
}

interface IndexedRecord extends BlockPlace {
  /** Payload bytes of the segment up to and including this block. */
  readonly bytesThrough: number;
}

export interface Pending {
  readonly blocks: number;
  readonly bytes: number;
  readonly oldestUnixMs: number | undefined;
}

export interface SegmentPlace {
  readonly files: QueueFileSystem;
  readonly path: string;
  readonly report: (incident: QueueIncident) => void;
}

/**
 * One file of the log: the blocks of positions [first, end). Its index is in memory only while
 * somebody reads there; without it the counts come from the file's size.
 */
export class Segment {
  readonly path: string;
  readonly header: SegmentHeader;
  readonly salt: number;
  /** First position that is not here: a later segment's, or the next to be written. */
  end: number;
  /** Bytes of the file that count; what lies beyond was never acknowledged. */
  size: number;
  damaged = false;
  readonly #files: QueueFileSystem;
  readonly #report: (incident: QueueIncident) => void;
  #records: IndexedRecord[] | undefined;
  #loading: Promise<readonly IndexedRecord[]> | undefined;
  #file: Promise<QueueFile> | undefined;
  #users = 0;
  #missing = 0;

  constructor(place: SegmentPlace, header: SegmentHeader, extent: { end: number; size: number }) {
    this.#files = place.files;
    this.#report = place.report;
    this.path = place.path;
    this.header = header;
    this.salt = segmentSalt(header.id, header.sequence);
    this.end = extent.end;
    this.size = extent.size;
  }

  get first(): number {
    return this.header.first;
  }

  /** Adopts a file that is open already, and what is known to be in it. */
  adopt(file: QueueFile, blocks: readonly BlockPlace[]): void {
    this.#file = Promise.resolve(file);
    this.#records = accumulate(blocks);
  }

  /** Takes note of blocks that were written and synced behind the last. */
  extend(blocks: readonly BlockPlace[], size: number): void {
    if (this.#records)
      this.#records.push(...accumulate(blocks, this.#records.at(-1)?.bytesThrough));
    this.end += blocks.length;
    this.size = size;
  }

  /** Blocks behind `position`; estimated from the size of the file while the index is not loaded. */
  pendingAfter(position: number): Pending {
    const records = this.#records;
    if (records === undefined) {
      const blocks = this.end - this.first;
      const bytes = this.size - blocksOffset(this.header) - blocks * recordHeaderBytes;
      const oldestUnixMs = blocks > 0 ? this.header.createdUnixMs : undefined;
      return { blocks, bytes: Math.max(0, bytes), oldestUnixMs };
    }
    const from = indexAfter(records, position);
    const before = records[from - 1]?.bytesThrough ?? 0;
    return {
      blocks: records.length - from,
      bytes: (records.at(-1)?.bytesThrough ?? 0) - before,
      oldestUnixMs: records[from]?.appendedUnixMs,
    };
  }

  /** The intact blocks behind `position`, oldest first. */
  async placesAfter(position: number): Promise<readonly BlockPlace[]> {
    const records = await this.load();
    return records.slice(indexAfter(records, position));
  }

  /** Reads blocks behind `position` that fit into `bytesMax`; at least one when `force` and there is one. */
  async read(position: number, bytesMax: number, force: boolean): Promise<QueueEntry[]> {
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const records = await this.load();
      const from = indexAfter(records, position);
      const before = records[from - 1]?.bytesThrough ?? 0;
      let to = from;
      for (let next = records[to]; next !== undefined; next = records[to]) {
        if (next.bytesThrough - before > bytesMax && !(force && to === from)) break;
        to += 1;
      }
      const entries = await this.#readRecords(records.slice(from, to));
      if (entries !== undefined) return entries;
      await this.#scan();
    }
    throw new Error(
      `cannot read ${this.path}: what the disk gives changes from one read to the next`,
    );
  }

  async load(): Promise<readonly IndexedRecord[]> {
    return this.#records ?? (await this.#scan());
  }

  /** Forgets the index, and closes the file once nobody reads it. */
  async release(): Promise<void> {
    this.#records = undefined;
    await this.#closeWhenIdle();
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
      this.#file ??= this.#files.open(this.path);
      return await work(await this.#file);
    } finally {
      this.#users -= 1;
      await this.#closeWhenIdle();
    }
  }

  #scan(): Promise<readonly IndexedRecord[]> {
    this.#loading ??= this.#index().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  async #index(): Promise<readonly IndexedRecord[]> {
    const end = this.end;
    const { records, damagedBytes } = await this.scanAll();
    const blocks = blocksAmong(records, { from: this.first, to: end });
    this.#noteDamage(end - this.first - blocks.length, damagedBytes);
    const writtenMeanwhile = this.#records?.filter(({ position }) => position >= end) ?? [];
    this.#records = accumulate([...blocks, ...writtenMeanwhile]);
    return this.#records;
  }

  #noteDamage(missing: number, bytes: number): void {
    if (missing <= this.#missing) return;
    this.damaged = true;
    this.#report({ kind: 'damaged', file: this.path, bytes, blocks: missing - this.#missing });
    this.#missing = missing;
  }

  /** The entries, or undefined when one of them is no longer intact. */
  async #readRecords(records: readonly IndexedRecord[]): Promise<QueueEntry[] | undefined> {
    const [first, last] = [records[0], records.at(-1)];
    if (first === undefined || last === undefined) return [];
    const offset = first.payloadOffset - recordHeaderBytes;
    const bytes = Buffer.allocUnsafeSlow(last.payloadOffset + last.length - offset);
    const filled = await this.use((file) => file.read(bytes, offset));
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
export function blocksAmong(
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

function accumulate(blocks: readonly BlockPlace[], bytesBefore = 0): IndexedRecord[] {
  let bytesThrough = bytesBefore;
  return blocks.map(({ position, payloadOffset, length, appendedUnixMs }) => {
    bytesThrough += length;
    return { position, payloadOffset, length, appendedUnixMs, bytesThrough };
  });
}

/** Index of the first record behind `position`. */
function indexAfter(records: readonly IndexedRecord[], position: number): number {
  let [low, high] = [0, records.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((records[middle]?.position ?? Infinity) <= position) low = middle + 1;
    else high = middle;
  }
  return low;
}
