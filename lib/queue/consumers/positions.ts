import { crc32 } from 'node:zlib';
import { errorCode } from '#lib/error-code';
import type { QueueFile, QueueFileSystem } from '../files.ts';
import { checkPreamble, preambleBytes, readId, writeId, writePreamble } from '../format.ts';
import type { QueueIncident } from '../incident.ts';
import { isDiskFull, type Reserve } from '../reserve.ts';
import { readDespiteBadSectors } from '../scan.ts';

/**
 * How far each consumer is, in one small file of two slots written in turn: whatever happens to the
 * slot being written, the other holds the state before. Written in place, so that it needs no space.
 *
 *   slot      preamble 20 | generation 6 | queue id 16 | count 2 | (name length 2 | name | position 6)… | CRC-32
 */
const slotBytes = 8192;
const fixedBytes = preambleBytes + 24;

export interface StoredPositions {
  readonly id: string;
  readonly generation: number;
  readonly positions: ReadonlyMap<string, number>;
}

/**
 * What the file says; undefined when there is none, or when neither slot can be read, which is
 * reported. Throws when a newer program wrote it.
 */
export async function readPositions(
  files: QueueFileSystem,
  path: string,
  report: (incident: QueueIncident) => void,
): Promise<StoredPositions | undefined> {
  const bytes = await readSlots(files, path);
  if (!bytes) return undefined;
  const slots = [0, slotBytes].flatMap((start) => {
    return decodeSlot(bytes.subarray(start, start + slotBytes), path) ?? [];
  });
  if (slots.length === 0) report({ kind: 'positions_damaged', file: path });
  return slots.toSorted((left, right) => right.generation - left.generation)[0];
}

async function readSlots(files: QueueFileSystem, path: string): Promise<Buffer | undefined> {
  let file: QueueFile;
  try {
    file = await files.open(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const bytes = Buffer.alloc(2 * slotBytes);
    await readDespiteBadSectors(file, bytes, 0);
    return bytes;
  } finally {
    await file.close();
  }
}

export class Positions {
  readonly #files: QueueFileSystem;
  readonly #directory: string;
  readonly #path: string;
  readonly #reserve: Reserve;
  readonly #id: string;
  #generation: number;
  #durable: ReadonlyMap<string, number>;
  readonly #wanted: Map<string, number>;
  #file: QueueFile | undefined;
  /** Whether the file has a whole slot and may be written in place. */
  #isTrusted: boolean;
  /** What was read from the file and has not been synced by this process. */
  #found: StoredPositions | undefined;
  #running: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  /** Goes on from what is `stored` in the file, if anything is, with the positions of `initial`. */
  constructor(
    place: { files: QueueFileSystem; directory: string; path: string; reserve: Reserve },
    initial: Omit<StoredPositions, 'generation'>,
    stored: StoredPositions | undefined,
  ) {
    this.#files = place.files;
    this.#directory = place.directory;
    this.#path = place.path;
    this.#reserve = place.reserve;
    this.#id = initial.id;
    this.#generation = stored?.generation ?? 0;
    this.#isTrusted = stored !== undefined;
    this.#found = stored;
    this.#durable = initial.positions;
    this.#wanted = new Map(initial.positions);
  }

  /** The position that a power cut would leave. */
  durable(consumer: string): number {
    return this.#durable.get(consumer) ?? 0;
  }

  /** The lowest of them; Infinity when there is no consumer. */
  get lowestDurable(): number {
    return Math.min(...this.#durable.values());
  }

  /** Resolves when the position, and every one set before, is on disk. Never moves back. */
  set(consumer: string, position: number): Promise<void> {
    this.#wanted.set(consumer, Math.max(position, this.#wanted.get(consumer) ?? 0));
    return this.store();
  }

  /** Stores what is wanted. Calls made while a write is under way share the next one. */
  store(): Promise<void> {
    this.#next ??= this.#storeAfter(this.#running);
    return this.#next;
  }

  async close(): Promise<void> {
    await (this.#next ?? this.#running).catch(() => undefined);
    await this.#file?.close();
    this.#file = undefined;
  }

  async #storeAfter(running: Promise<void>): Promise<void> {
    await running.catch(() => undefined);
    this.#running = this.#next ?? running;
    this.#next = undefined;
    const positions = new Map(this.#wanted);
    const generation = this.#generation + 1;
    await this.#write(encodeSlot({ id: this.#id, generation, positions }), generation);
    this.#generation = generation;
    this.#durable = positions;
  }

  async #write(slot: Buffer, generation: number): Promise<void> {
    try {
      if (this.#isTrusted) await this.#overwrite(slot, generation);
      else await this.#replace(slot, generation);
    } catch (error) {
      // A file that failed is not trusted again: a new one takes its place.
      await this.#distrust();
      if (isDiskFull(error)) await this.#reserve.release();
      await this.#replace(slot, generation);
    }
  }

  async #overwrite(slot: Buffer, generation: number): Promise<void> {
    this.#file ??= await this.#files.open(this.#path);
    // The process before may have died of a failed fsync, after which the kernel takes for clean what
    // never reached the disk. So what is to stand by while the other slot is written, is written again.
    if (this.#found) await this.#writeSlot(this.#file, encodeSlot(this.#found), this.#generation);
    this.#found = undefined;
    await this.#writeSlot(this.#file, slot, generation);
  }

  async #writeSlot(file: QueueFile, slot: Buffer, generation: number): Promise<void> {
    await file.write([slot], (generation % 2) * slotBytes);
    await file.datasync();
  }

  async #replace(slot: Buffer, generation: number): Promise<void> {
    const fresh = `${this.#path}.new`;
    await this.#files.remove(fresh).catch(() => undefined);
    const file = await this.#files.create(fresh);
    try {
      const whole = Buffer.alloc(2 * slotBytes);
      slot.copy(whole, (generation % 2) * slotBytes);
      await file.write([whole], 0);
      await file.datasync();
      await this.#files.rename(fresh, this.#path);
      await this.#files.syncDirectory(this.#directory);
    } catch (error) {
      await file.close().catch(() => undefined);
      throw error;
    }
    this.#file = file;
    this.#isTrusted = true;
  }

  async #distrust(): Promise<void> {
    this.#isTrusted = false;
    this.#found = undefined;
    await this.#file?.close().catch(() => undefined);
    this.#file = undefined;
  }
}

function encodeSlot({ id, generation, positions }: StoredPositions): Buffer {
  const slot = Buffer.alloc(slotBytes);
  writePreamble(slot, 'posi');
  slot.writeUIntLE(generation, preambleBytes, 6);
  writeId(slot, preambleBytes + 6, id);
  slot.writeUInt16LE(positions.size, preambleBytes + 22);
  let offset = fixedBytes;
  for (const [name, position] of positions) {
    const length = Buffer.byteLength(name);
    if (offset + length + 12 > slotBytes) {
      throw new Error(`too many consumers: their names take more than ${slotBytes} bytes`);
    }
    slot.writeUInt16LE(length, offset);
    slot.write(name, offset + 2);
    slot.writeUIntLE(position, offset + 2 + length, 6);
    offset += length + 8;
  }
  slot.writeUInt32LE(crc32(slot.subarray(0, offset)), offset);
  return slot;
}

function decodeSlot(slot: Buffer, path: string): StoredPositions | undefined {
  if (!checkPreamble(slot, 'posi', path)) return undefined;
  const count = slot.readUInt16LE(preambleBytes + 22);
  const positions = new Map<string, number>();
  let offset = fixedBytes;
  for (let index = 0; index < count; index += 1) {
    if (offset + 12 > slotBytes) return undefined;
    const length = slot.readUInt16LE(offset);
    if (offset + length + 12 > slotBytes) return undefined;
    const name = slot.toString('utf8', offset + 2, offset + 2 + length);
    positions.set(name, slot.readUIntLE(offset + 2 + length, 6));
    offset += length + 8;
  }
  if (slot.readUInt32LE(offset) !== crc32(slot.subarray(0, offset))) return undefined;
  const generation = slot.readUIntLE(preambleBytes, 6);
  return { id: readId(slot, preambleBytes + 6), generation, positions };
}
