import { join } from 'node:path';
import type { Clock } from '#lib/clock';
import { bisect } from '../bisect.ts';
import { DiskFullError } from './errors.ts';
import { errorCode } from '#lib/error-code';
import type { QueueFileSystem } from './files.ts';
import { encodeSegmentHeader, recordHeaderBytes, type SegmentHeader } from './format.ts';
import type { QueueIncident } from './incident.ts';
import { type BlockPlace, encodeGroup, encodeRecord } from './log/group.ts';
import { type QueueEntry, Segment } from './log/segment.ts';
import type { Pending } from './log/segment-index.ts';
import { isDiskFull, type Reserve } from './reserve.ts';

export interface LogOptions {
  readonly directory: string;
  readonly files: QueueFileSystem;
  readonly clock: Clock;
  readonly id: string;
  readonly segmentBytesMax: number;
  readonly reserve: Reserve;
  readonly checkpoint: (() => Uint8Array) | undefined;
  readonly report: (incident: QueueIncident) => void;
}

/** What recovery made of the folder. */
export interface FoundSegments {
  readonly segments: Segment[];
  readonly checkpointed: Segment | undefined;
  /** Position of the next block. */
  readonly next: number;
  /** The highest number a segment's name has had. */
  readonly sequence: number;
}

const damagedFilesMax = 16;

/**
 * The segments, oldest first, and the one being written. A segment found at the start is never written
 * again: the first append starts a new one, with a checkpoint of this process.
 */
export class SegmentLog {
  /** Position the next block gets. */
  next: number;
  readonly #options: LogOptions;
  readonly #segments: Segment[] = [];
  #active: Segment | undefined;
  #sequence: number;
  /** The newest segment whose checkpoint is known to be readable. */
  #checkpointed: Segment | undefined;

  constructor(options: LogOptions, found: FoundSegments) {
    this.#options = options;
    this.#checkpointed = found.checkpointed;
    this.#sequence = found.sequence;
    this.next = found.next;
    for (const segment of found.segments) this.#add(segment);
  }

  /** Position of the oldest block there is, or of the next when there is none. */
  get first(): number {
    return this.#segments[0]?.first ?? this.next;
  }

  /** Blocks waiting behind `position`: exact where the index is loaded, and nothing later is damaged. */
  pendingAfter(position: number): Pending {
    for (let index = this.#indexAfter(position); index < this.#segments.length; index += 1) {
      const [segment, newest] = [this.#segments[index], this.#segments.at(-1)];
      const pending = segment?.pendingAfter(position);
      if (!segment || !newest || !pending?.blocks) continue;
      return {
        blocks: pending.blocks + newest.through.blocks - segment.through.blocks,
        bytes: pending.bytes + newest.through.bytes - segment.through.bytes,
        oldestUnixMs: pending.oldestUnixMs,
      };
    }
    return { blocks: 0, bytes: 0, oldestUnixMs: undefined };
  }

  /** The oldest block behind `position`. */
  async placeAfter(position: number): Promise<BlockPlace | undefined> {
    for (const segment of this.#segments.slice(this.#indexAfter(position))) {
      const place = await segment.placeAfter(position);
      if (place) return place;
    }
    return undefined;
  }

  /** The oldest blocks behind `position` that fit into `bytesMax`, but at least one if there is one. */
  async entriesAfter(position: number, bytesMax: number): Promise<QueueEntry[]> {
    const entries: QueueEntry[] = [];
    let bytesLeft = bytesMax;
    for (const segment of this.#segments.slice(this.#indexAfter(position))) {
      const found = await segment.read(position, bytesLeft, entries.length === 0);
      entries.push(...found.entries);
      for (const { block } of found.entries) bytesLeft -= block.length;
      if (found.more || bytesLeft <= 0) break;
    }
    return entries;
  }

  /**
   * Writes a group of blocks and resolves to the position of the first once all are on disk. Otherwise keeps
   * none of them and rejects: with DiskFullError, or with the error of the disk.
   */
  async commit(blocks: readonly Uint8Array[]): Promise<number> {
    const first = this.next;
    try {
      await this.#options.reserve.ensure();
      await this.#write(blocks);
    } catch (error) {
      throw isDiskFull(error) ? new DiskFullError(this.#options.directory, error) : error;
    }
    this.next += blocks.length;
    return first;
  }

  /** Deletes the segments that hold nothing behind `position`, save those a restart needs. */
  async deleteThrough(position: number): Promise<void> {
    const needed = this.#checkpointed ?? this.#segments.at(-1);
    for (let oldest = this.#segments[0]; oldest !== needed; oldest = this.#segments[0]) {
      if (oldest === undefined || oldest.end > position + 1) return;
      await this.#discard(oldest);
      this.#segments.shift();
    }
  }

  /** Forgets the indexes of segments where nobody reads; `positions` are what the readers are done with. */
  async releaseAllBut(positions: readonly number[]): Promise<void> {
    const read = new Set(positions.map((position) => this.#segments[this.#indexAfter(position)]));
    for (const segment of this.#segments) {
      if (segment.isLoaded && segment !== this.#active && !read.has(segment)) {
        await segment.release();
      }
    }
  }

  /** Seals the active segment: proof, for the next start, that all of it was on disk. */
  async close(): Promise<void> {
    const active = this.#active;
    this.#active = undefined;
    if (active) await this.#seal(active).catch(() => undefined);
    for (const segment of this.#segments) await segment.release();
  }

  async #seal(segment: Segment): Promise<void> {
    const [position, appendedUnixMs] = [segment.end - 1, this.#options.clock.unixMs()];
    const header = { kind: 'seal', position, ordinal: 0, appendedUnixMs } as const;
    await segment.use(async (file) => {
      await file.write(encodeRecord(header, Buffer.alloc(0), segment.salt), segment.size);
      await file.datasync();
    });
  }

  #add(segment: Segment): void {
    segment.before = this.#segments.at(-1)?.through ?? segment.before;
    this.#segments.push(segment);
  }

  /** Index of the first segment that has, or will have, positions behind this one. */
  #indexAfter(position: number): number {
    const segments = this.#segments;
    return bisect(segments.length, (index) => (segments[index]?.end ?? Infinity) <= position + 1);
  }

  async #write(blocks: readonly Uint8Array[]): Promise<void> {
    const active = this.#active;
    if (!active || !this.#fits(active, blocks)) return this.#startSegment(blocks);
    try {
      await this.#writeInto(active, blocks);
    } catch (error) {
      if (this.#active === active || isDiskFull(error)) throw error;
      await this.#startSegment(blocks);
    }
  }

  #fits(segment: Segment, blocks: readonly Uint8Array[]): boolean {
    let bytes = segment.bytes + (segment.blocks + blocks.length) * recordHeaderBytes;
    for (const block of blocks) bytes += block.length;
    return bytes <= this.#options.segmentBytesMax;
  }

  async #writeInto(segment: Segment, blocks: readonly Uint8Array[]): Promise<void> {
    const appendedUnixMs = this.#options.clock.unixMs();
    const start = { offset: segment.size, position: this.next, appendedUnixMs };
    const group = encodeGroup(blocks, start, segment.salt);
    await segment.use(async (file) => {
      let written = false;
      try {
        await file.write(group.buffers, segment.size);
        written = true;
        await file.datasync();
      } catch (error) {
        const cleaned = await file.truncate(segment.size).then(
          () => true,
          () => false,
        );
        // After a failed fsync the kernel may have dropped the pages and would say yes to the next: this file
        // is never asked again. A group that found no room, and left no trace, does no harm.
        if (written || !cleaned || !isDiskFull(error)) this.#poison(segment, error);
        throw error;
      }
    });
    segment.extend(group);
  }

  #poison(segment: Segment, error: unknown): void {
    this.#active = undefined;
    this.#options.report({ kind: 'poisoned', file: segment.path, error });
  }

  async #startSegment(blocks: readonly Uint8Array[]): Promise<void> {
    const { directory, files, id, clock, checkpoint, report } = this.#options;
    this.#sequence += 1;
    // Should this fail, the file may come back after a power cut, although removed, and make void what the
    // segment before it got since. So that one gets nothing more.
    this.#active = undefined;
    const path = join(directory, `${String(this.#sequence).padStart(12, '0')}.segment`);
    const file = await files.create(path);
    try {
      const payload = checkpoint?.();
      const header: SegmentHeader = {
        id,
        sequence: this.#sequence,
        first: this.next,
        checkpointLength: payload?.length,
        createdUnixMs: clock.unixMs(),
      };
      const segment = new Segment({ files, path, report }, header);
      const head = [encodeSegmentHeader(header), ...encodeCheckpoint(segment, payload)];
      const start = {
        offset: segment.size,
        position: this.next,
        appendedUnixMs: header.createdUnixMs,
      };
      const group = encodeGroup(blocks, start, segment.salt);
      await file.write([...head, ...group.buffers], 0);
      await file.datasync();
      await files.syncDirectory(directory);
      segment.adopt(file);
      segment.extend(group);
      this.#add(segment);
      this.#active = segment;
      if (payload) this.#checkpointed = segment;
    } catch (error) {
      await file.close().catch(() => undefined);
      await files.remove(path).catch(() => undefined);
      throw error;
    }
  }

  /** A damaged segment is kept aside for whoever wants to look; the oldest of those make room. */
  async #discard(segment: Segment): Promise<void> {
    const { files, directory } = this.#options;
    await segment.retire();
    if (!segment.damaged) return ignoringAbsence(files.remove(segment.path));
    await ignoringAbsence(files.rename(segment.path, `${segment.path}.damaged`));
    const names = await files.list(directory);
    const damaged = names.filter((name) => name.endsWith('.damaged')).sort();
    for (const name of damaged.slice(0, -damagedFilesMax)) {
      await ignoringAbsence(files.remove(join(directory, name)));
    }
  }
}

function encodeCheckpoint(
  { first, header, salt }: Segment,
  payload: Uint8Array | undefined,
): Uint8Array[] {
  if (!payload) return [];
  const [position, appendedUnixMs] = [first - 1, header.createdUnixMs];
  return encodeRecord({ kind: 'checkpoint', position, ordinal: 0, appendedUnixMs }, payload, salt);
}

async function ignoringAbsence(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
}
