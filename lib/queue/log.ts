import { crc32 } from 'node:zlib';
import { join } from 'node:path';
import { type Clock } from '#lib/clock';
import { DiskFullError } from './errors.ts';
import { type QueueFileSystem } from './files.ts';
import {
  blocksOffset,
  encodeSegmentHeader,
  recordHeaderBytes,
  type RecordHeader,
  type SegmentHeader,
  writeRecordHeader,
} from './format.ts';
import { type QueueIncident } from './incident.ts';
import { diskFull, isDiskFull, type Reserve } from './reserve.ts';
import { type BlockPlace, type Pending, type QueueEntry, Segment } from './segment.ts';

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
 * again; the first append starts a new one, so that there is a checkpoint of this process.
 */
export class SegmentLog {
  /** Position the next block gets. */
  next: number;
  readonly #options: LogOptions;
  readonly #segments: Segment[];
  #active: Segment | undefined;
  #sequence: number;
  /** The newest segment whose checkpoint is known to be readable. */
  #checkpointed: Segment | undefined;

  constructor(options: LogOptions, found: FoundSegments) {
    this.#options = options;
    this.#segments = found.segments;
    this.#checkpointed = found.checkpointed;
    this.#sequence = found.sequence;
    this.next = found.next;
  }

  get segmentBytesMax(): number {
    return this.#options.segmentBytesMax;
  }

  /** Position of the oldest block there is, or of the next when there is none. */
  get first(): number {
    return this.#segments[0]?.first ?? this.next;
  }

  /** Blocks waiting behind `position`. */
  pendingAfter(position: number): Pending {
    let [blocks, bytes] = [0, 0];
    let oldestUnixMs: number | undefined;
    for (let index = this.#segments.length - 1; index >= 0; index -= 1) {
      const segment = this.#segments[index];
      if (segment === undefined || segment.end <= position + 1) break;
      const pending = segment.pendingAfter(position);
      blocks += pending.blocks;
      bytes += pending.bytes;
      oldestUnixMs = pending.oldestUnixMs ?? oldestUnixMs;
    }
    return { blocks, bytes, oldestUnixMs };
  }

  /** The oldest block behind `position`. */
  async placeAfter(position: number): Promise<BlockPlace | undefined> {
    for (const segment of this.#segmentsAfter(position)) {
      const [oldest] = await segment.placesAfter(position);
      if (oldest) return oldest;
    }
    return undefined;
  }

  /** The oldest blocks behind `position` that fit into `bytesMax`, but at least one if there is one. */
  async entriesAfter(position: number, bytesMax: number): Promise<QueueEntry[]> {
    const entries: QueueEntry[] = [];
    let bytesLeft = bytesMax;
    for (const segment of this.#segmentsAfter(position)) {
      const found = await segment.read(position, bytesLeft, entries.length === 0);
      entries.push(...found);
      for (const { block } of found) bytesLeft -= block.length;
      const seen = entries.at(-1)?.position ?? position;
      if (bytesLeft <= 0 || segment.pendingAfter(seen).blocks > 0) break;
    }
    return entries;
  }

  /** Writes a group of blocks; resolves to the position of the first once all are on disk, else keeps none. */
  async commit(blocks: readonly Uint8Array[]): Promise<number> {
    await this.#options.reserve.ensure();
    try {
      const active = this.#active;
      if (active && this.#fits(active, blocks)) return await this.#writeInto(active, blocks);
    } catch (error) {
      if (isDiskFull(error))
        throw new DiskFullError(diskFull(this.#options.directory), { cause: error });
      // What fsync once refused it must not be asked again: the kernel may have dropped the pages and say yes.
    }
    try {
      return await this.#startSegment(blocks);
    } catch (error) {
      if (isDiskFull(error))
        throw new DiskFullError(diskFull(this.#options.directory), { cause: error });
      throw error;
    }
  }

  /** Deletes the segments that hold nothing behind `position`, save those a restart needs. */
  async deleteThrough(position: number): Promise<void> {
    const needed = this.#checkpointed ?? this.#segments.at(-1);
    for (let oldest = this.#segments[0]; oldest !== needed; oldest = this.#segments[0]) {
      if (oldest === undefined || oldest.end > position + 1) return;
      await oldest.release();
      await this.#discard(oldest);
      this.#segments.shift();
    }
  }

  /** Forgets the indexes of segments where no reader is; `positions` are what the readers are done with. */
  async releaseAllBut(positions: readonly number[]): Promise<void> {
    for (const segment of this.#segments) {
      const read = positions.some((position) => {
        return position + 1 < segment.end && position + 1 >= segment.first;
      });
      if (!read && segment !== this.#active) await segment.release();
    }
  }

  /** Seals the active segment: proof, for the next start, that its last group was on disk. */
  async close(): Promise<void> {
    const active = this.#active;
    if (active) await this.#seal(active).catch(() => undefined);
    this.#active = undefined;
    for (const segment of this.#segments) await segment.release();
  }

  async #seal(segment: Segment): Promise<void> {
    const [position, appendedUnixMs] = [segment.end - 1, this.#options.clock.unixMs()];
    const seal = { kind: 'seal', position, ordinal: 0, appendedUnixMs } as const;
    const header = sealRecord(seal, Buffer.alloc(0), segment.salt);
    await segment.use(async (file) => {
      await file.write([header], segment.size);
      await file.datasync();
    });
  }

  #segmentsAfter(position: number): Segment[] {
    const from = this.#segments.findIndex(({ end }) => end > position + 1);
    return from < 0 ? [] : this.#segments.slice(from);
  }

  #fits(segment: Segment, blocks: readonly Uint8Array[]): boolean {
    let size = segment.size;
    for (const block of blocks) size += recordHeaderBytes + block.length;
    return size <= this.#options.segmentBytesMax;
  }

  async #writeInto(segment: Segment, blocks: readonly Uint8Array[]): Promise<number> {
    const group = this.#encodeGroup(segment.salt, blocks, { offset: segment.size, ordinal: 0 });
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
        if (written || !cleaned || !isDiskFull(error)) {
          this.#active = undefined;
          this.#options.report({ kind: 'poisoned', file: segment.path, error });
        }
        throw error;
      }
    });
    segment.extend(group.places, group.end);
    return this.#advance(blocks.length);
  }

  async #startSegment(blocks: readonly Uint8Array[]): Promise<number> {
    const { directory, files, id, clock, checkpoint, report } = this.#options;
    this.#sequence += 1;
    const path = segmentPath(directory, this.#sequence);
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
      const segment = new Segment({ files, path, report }, header, { end: this.next, size: 0 });
      const buffers: Uint8Array[] = [encodeSegmentHeader(header)];
      if (payload) {
        const [position, appendedUnixMs] = [this.next - 1, header.createdUnixMs];
        const record = { kind: 'checkpoint', position, ordinal: 0, appendedUnixMs } as const;
        buffers.push(sealRecord(record, payload, segment.salt), payload);
      }
      const group = this.#encodeGroup(segment.salt, blocks, {
        offset: blocksOffset(header),
        ordinal: payload ? 1 : 0,
      });
      await file.write([...buffers, ...group.buffers], 0);
      await file.datasync();
      await files.syncDirectory(directory);
      segment.adopt(file, []);
      segment.extend(group.places, group.end);
      this.#segments.push(segment);
      this.#active = segment;
      if (payload) this.#checkpointed = segment;
    } catch (error) {
      await file.close().catch(() => undefined);
      await files.remove(path).catch(() => undefined);
      throw error;
    }
    return this.#advance(blocks.length);
  }

  #advance(count: number): number {
    const first = this.next;
    this.next += count;
    return first;
  }

  #encodeGroup(
    salt: number,
    blocks: readonly Uint8Array[],
    start: { offset: number; ordinal: number },
  ): { buffers: Uint8Array[]; places: BlockPlace[]; end: number } {
    const buffers: Uint8Array[] = [];
    const places: BlockPlace[] = [];
    let { offset: end, ordinal } = start;
    let position = this.next;
    const appendedUnixMs = this.#options.clock.unixMs();
    for (const payload of blocks) {
      const header = { kind: 'block', position, ordinal, appendedUnixMs } as const;
      buffers.push(sealRecord(header, payload, salt), payload);
      const payloadOffset = end + recordHeaderBytes;
      places.push({ position, payloadOffset, length: payload.length, appendedUnixMs });
      end = payloadOffset + payload.length;
      position += 1;
      ordinal += 1;
    }
    return { buffers, places, end };
  }

  /** A damaged segment is kept aside for whoever wants to look; the oldest of those make room. */
  async #discard(segment: Segment): Promise<void> {
    const { files, directory } = this.#options;
    if (!segment.damaged) return files.remove(segment.path);
    await files.rename(segment.path, `${segment.path}.damaged`);
    const damaged = (await files.list(directory))
      .filter((name) => name.endsWith('.damaged'))
      .sort();
    for (const name of damaged.slice(0, -damagedFilesMax))
      await files.remove(join(directory, name));
  }
}

function sealRecord(
  header: Omit<RecordHeader, 'length' | 'payloadCrc'>,
  payload: Uint8Array,
  salt: number,
): Buffer {
  const target = Buffer.allocUnsafe(recordHeaderBytes);
  const [length, payloadCrc] = [payload.length, crc32(payload)];
  writeRecordHeader(target, { ...header, length, payloadCrc }, salt);
  return target;
}

function segmentPath(directory: string, sequence: number): string {
  return join(directory, `${String(sequence).padStart(12, '0')}.segment`);
}
