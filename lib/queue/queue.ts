import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { type Clock } from '#lib/clock';
import { QueueFullError } from './errors.ts';
import { diskFileSystem, type QueueFileSystem } from './files.ts';
import { GroupCommit } from './group-commit.ts';
import { type QueueIncident } from './incident.ts';
import { SegmentLog } from './log.ts';
import { Positions, readPositions } from './positions.ts';
import { listSegments, newestCheckpoint, recoverSegments } from './recovery.ts';
import { Reserve } from './reserve.ts';
import { type QueueEntry } from './segment.ts';

export { DiskFullError, QueueFullError } from './errors.ts';
export { type QueueIncident } from './incident.ts';
export { type QueueEntry } from './segment.ts';

/** Somebody who reads every block, at a pace and position of its own. */
export interface ConsumerOptions {
  readonly name: string;
  /** What may wait for this consumer; beyond it the oldest is dropped and counted… */
  readonly bytesMax: number;
  readonly ageMaxMs: number;
  /** …unless the consumer is required: then `append` rejects with QueueFullError instead. */
  readonly required: boolean;
}

export interface ConsumerStatistics {
  readonly pendingBlocks: number;
  readonly pendingBytes: number;
  /** When the oldest waiting block was appended; undefined when nothing waits. */
  readonly oldestUnixMs: number | undefined;
  /** Given up since the queue was opened. */
  readonly droppedBlocks: number;
  readonly droppedBytes: number;
}

/**
 * A durable first-in first-out log of opaque blocks with several consumers. One process at a time.
 * Reading and acknowledging go in position order per consumer.
 */
export interface Queue extends AsyncDisposable {
  /** Identifies this log from its creation on: positions of another id mean nothing to it. */
  readonly id: string;
  /**
   * What its owner must know after a restart: the newest readable checkpoint, and all blocks
   * appended after it, delivered or not. Empty when the queue is opened without `checkpoint`.
   */
  readonly recovered: {
    readonly checkpoint: Uint8Array | undefined;
    readonly since: readonly QueueEntry[];
  };
  /**
   * Resolves to the block's position once it is on disk; the block must not change until then.
   * Rejects with QueueFullError, DiskFullError, or the disk's own error; then nothing of it is kept.
   */
  append(block: Uint8Array): Promise<number>;
  /**
   * Waits until something is there for the consumer, then gives the oldest entries in order: as many
   * as fit into `bytesMax`, at least one. Reading moves nothing: it gives the same until acknowledged.
   */
  read(consumer: string, bytesMax: number, signal: AbortSignal): Promise<readonly QueueEntry[]>;
  /** The consumer is done with everything up to and including `position`; durable when it resolves. */
  acknowledge(consumer: string, position: number): Promise<void>;
  statistics(consumer: string): ConsumerStatistics;
}

export interface QueueOptions {
  /** A folder for this queue alone; made when it is not there. */
  readonly directory: string;
  /** All that read. A name not seen before starts at the oldest block there is; one no longer here is forgotten. */
  readonly consumers: readonly ConsumerOptions[];
  readonly clock: Clock;
  /**
   * The owner's whole state, written at the head of every segment. It must hold what every block says
   * whose append has resolved; for others that are under way it may, if reading them again does no harm.
   */
  readonly checkpoint?: () => Uint8Array;
  /** Told of everything an operator should know: log it and count it. */
  readonly report?: (incident: QueueIncident) => void;
  /** A segment is the unit of deletion, and what a restart reads: 16 MiB unless told. */
  readonly segmentBytesMax?: number;
  /** Larger blocks are refused: 64 MiB unless told. */
  readonly blockBytesMax?: number;
  readonly files?: QueueFileSystem;
}

/**
 * Opens the queue in a folder, or makes a new one, and repairs what a crash left. Rejects when another process
 * has it, when a newer program wrote it, or when the disk gives an error; damage is reported, not thrown.
 */
export async function openQueue(options: QueueOptions, signal?: AbortSignal): Promise<Queue> {
  const { directory, files = diskFileSystem } = options;
  signal?.throwIfAborted();
  await files.makeDirectory(directory);
  const lock = files.lock(join(directory, 'lock'));
  try {
    return await DiskQueue.open(options, files, lock);
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

class Consumer {
  readonly options: ConsumerOptions;
  /** Position up to which it is done: acknowledged, or dropped. */
  done: number;
  droppedBlocks = 0;
  droppedBytes = 0;

  constructor(options: ConsumerOptions, done: number) {
    this.options = options;
    this.done = done;
  }
}

interface Parts {
  readonly options: QueueOptions;
  readonly lock: Disposable;
  readonly log: SegmentLog;
  readonly positions: Positions;
  readonly consumers: readonly Consumer[];
  readonly id: string;
  readonly recovered: Queue['recovered'];
}

class DiskQueue implements Queue {
  readonly id: string;
  readonly recovered: Queue['recovered'];
  readonly #options: QueueOptions;
  readonly #report: (incident: QueueIncident) => void;
  readonly #lock: Disposable;
  readonly #log: SegmentLog;
  readonly #positions: Positions;
  readonly #consumers: ReadonlyMap<string, Consumer>;
  readonly #writer: GroupCommit;
  /** Readers that wait for the next append. */
  readonly #waiting = new Set<PromiseWithResolvers<void>>();
  /** Bytes of blocks that are accepted and not yet on disk. */
  #unwrittenBytes = 0;
  #deleting: Promise<void> = Promise.resolve();
  #closed = false;

  static async open(
    options: QueueOptions,
    files: QueueFileSystem,
    lock: Disposable,
  ): Promise<Queue> {
    const { directory, clock, checkpoint, report = () => undefined } = options;
    const place = { directory, files, report };
    const path = join(directory, 'positions');
    const { stored, damaged } = await readPositions(files, path);
    if (damaged) report({ kind: 'positions_damaged', file: path });
    const candidates = await listSegments(place);
    const headers = candidates.flatMap(({ header }) => header ?? []);
    const id = stored?.id ?? headers[0]?.id ?? randomUUID();
    const acknowledged = Math.max(0, ...(stored?.positions.values() ?? []));
    const segments = await recoverSegments(place, candidates, { id, provenThrough: acknowledged });
    const found = checkpoint ? await newestCheckpoint(place, segments) : undefined;
    const reserve = new Reserve(files, join(directory, 'reserve'));
    await reserve.ensure().catch(() => undefined);
    const segmentBytesMax = options.segmentBytesMax ?? 16 << 20;
    const log = new SegmentLog(
      { directory, files, clock, id, segmentBytesMax, reserve, checkpoint, report },
      {
        segments,
        checkpointed: found?.segment,
        next: Math.max(segments.at(-1)?.end ?? 1, acknowledged + 1),
        sequence: candidates.at(-1)?.sequence ?? 0,
      },
    );
    const consumers = options.consumers.map((consumer) => {
      const position = stored?.positions.get(consumer.name) ?? 0;
      return new Consumer(consumer, Math.max(position, log.first - 1));
    });
    for (const [name, position] of stored?.positions ?? []) {
      if (consumers.some((consumer) => consumer.options.name === name)) continue;
      report({ kind: 'forgotten', consumer: name, blocks: log.pendingAfter(position).blocks });
    }
    const positions = new Positions(
      { files, directory, path, reserve },
      {
        id,
        generation: stored?.generation ?? 0,
        positions: new Map(consumers.map((consumer) => [consumer.options.name, consumer.done])),
      },
    );
    await positions.store();
    const since = checkpoint
      ? await log.entriesAfter((found?.segment.first ?? log.first) - 1, Infinity)
      : [];
    const recovered = { checkpoint: found?.checkpoint, since };
    const queue = new DiskQueue({ options, lock, log, positions, consumers, id, recovered });
    await queue.#prepare();
    return queue;
  }

  private constructor(parts: Parts) {
    this.id = parts.id;
    this.recovered = parts.recovered;
    this.#options = parts.options;
    this.#report = parts.options.report ?? (() => undefined);
    this.#lock = parts.lock;
    this.#log = parts.log;
    this.#positions = parts.positions;
    this.#consumers = new Map(parts.consumers.map((consumer) => [consumer.options.name, consumer]));
    this.#writer = new GroupCommit((blocks) => this.#commit(blocks), parts.log.segmentBytesMax);
  }

  async append(block: Uint8Array): Promise<number> {
    if (this.#closed) throw new Error('cannot append: the queue is closed');
    const { blockBytesMax = 64 << 20 } = this.#options;
    if (block.length > blockBytesMax) {
      throw new RangeError(
        `cannot append a block of ${block.length} bytes: at most ${blockBytesMax}`,
      );
    }
    this.#checkRequired(block.length);
    this.#unwrittenBytes += block.length;
    return this.#writer.append(block);
  }

  async read(name: string, bytesMax: number, signal: AbortSignal): Promise<readonly QueueEntry[]> {
    const consumer = this.#consumer(name);
    for (;;) {
      await this.#enforceBounds(consumer);
      const next = this.#log.next;
      const entries = await this.#log.entriesAfter(consumer.done, bytesMax);
      if (entries.length > 0) return entries;
      signal.throwIfAborted();
      if (this.#closed) throw new Error('cannot read: the queue is closed');
      if (next === this.#log.next) await this.#nextAppend(signal);
    }
  }

  async acknowledge(name: string, position: number): Promise<void> {
    const consumer = this.#consumer(name);
    if (this.#closed) throw new Error('cannot acknowledge: the queue is closed');
    if (position >= this.#log.next) {
      throw new RangeError(`cannot acknowledge ${position}: the newest is ${this.#log.next - 1}`);
    }
    await this.#positions.set(name, position);
    consumer.done = Math.max(consumer.done, position);
    await this.#deleteObsolete();
  }

  statistics(name: string): ConsumerStatistics {
    const { done, droppedBlocks, droppedBytes } = this.#consumer(name);
    const { blocks, bytes, oldestUnixMs } = this.#log.pendingAfter(done);
    return {
      pendingBlocks: blocks,
      pendingBytes: bytes,
      oldestUnixMs,
      droppedBlocks,
      droppedBytes,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#writer.idle();
    for (const { reject } of this.#waiting) reject(new Error('cannot read: the queue is closed'));
    await this.#deleting;
    await this.#positions.close();
    await this.#log.close();
    this.#lock[Symbol.dispose]();
  }

  async #prepare(): Promise<void> {
    await this.#deleteObsolete();
    for (const { done } of this.#consumers.values()) await this.#log.placeAfter(done);
  }

  #consumer(name: string): Consumer {
    const consumer = this.#consumers.get(name);
    if (consumer === undefined)
      throw new Error(`the queue has no consumer ${JSON.stringify(name)}`);
    return consumer;
  }

  #checkRequired(length: number): void {
    for (const { options, done } of this.#consumers.values()) {
      if (!options.required) continue;
      const { bytes, oldestUnixMs } = this.#log.pendingAfter(done);
      if (bytes + this.#unwrittenBytes + length > options.bytesMax) {
        throw new QueueFullError(options.name, `${bytes} of ${options.bytesMax} bytes wait`);
      }
      const ageMs = this.#options.clock.unixMs() - (oldestUnixMs ?? Infinity);
      if (ageMs > options.ageMaxMs) {
        throw new QueueFullError(
          options.name,
          `the oldest waits for ${Math.round(ageMs / 1000)} s`,
        );
      }
    }
  }

  async #commit(blocks: readonly Uint8Array[]): Promise<number> {
    const first = await this.#log.commit(blocks).finally(() => {
      for (const { length } of blocks) this.#unwrittenBytes -= length;
    });
    for (const consumer of this.#consumers.values()) {
      await this.#enforceBounds(consumer).catch((error: unknown) => this.#reportTrouble(error));
    }
    for (const { resolve } of this.#waiting) resolve();
    this.#waiting.clear();
    return first;
  }

  /** Gives up the oldest blocks of a consumer that is not required while it is beyond a bound. */
  async #enforceBounds(consumer: Consumer): Promise<void> {
    const { name, required } = consumer.options;
    if (required) return;
    const dropped = { bytes: { blocks: 0, bytes: 0 }, age: { blocks: 0, bytes: 0 } };
    while (this.#exceeded(consumer) !== undefined) {
      // Loads the index, so that the next look is exact.
      const oldest = await this.#log.placeAfter(consumer.done);
      const reason = this.#exceeded(consumer);
      if (oldest === undefined || reason === undefined) break;
      if (oldest.position <= consumer.done) continue;
      consumer.done = oldest.position;
      dropped[reason].blocks += 1;
      dropped[reason].bytes += oldest.length;
    }
    for (const reason of ['bytes', 'age'] as const) {
      const { blocks, bytes } = dropped[reason];
      if (blocks === 0) continue;
      consumer.droppedBlocks += blocks;
      consumer.droppedBytes += bytes;
      this.#report({ kind: 'dropped', consumer: name, blocks, bytes, reason });
    }
    if (this.#positions.wanted(name) < consumer.done) this.#storeInBackground(consumer);
  }

  #exceeded({ options, done }: Consumer): 'bytes' | 'age' | undefined {
    const { bytes, oldestUnixMs } = this.#log.pendingAfter(done);
    const ageMs = this.#options.clock.unixMs() - (oldestUnixMs ?? Infinity);
    if (ageMs > options.ageMaxMs) return 'age';
    return bytes > options.bytesMax ? 'bytes' : undefined;
  }

  #storeInBackground({ options, done }: Consumer): void {
    const stored = this.#positions.set(options.name, done).then(() => this.#deleteObsolete());
    stored.catch((error: unknown) => this.#reportTrouble(error));
  }

  #reportTrouble(error: unknown): void {
    this.#report({ kind: 'trouble', file: this.#options.directory, error });
  }

  /** Deletes what every consumer is durably done with. A failure is reported and tried again the next time. */
  #deleteObsolete(): Promise<void> {
    const earlier = this.#deleting;
    this.#deleting = (async () => {
      await earlier;
      if (this.#closed) return;
      try {
        await this.#log.deleteThrough(this.#positions.lowest);
        await this.#log.releaseAllBut([...this.#consumers.values()].map(({ done }) => done));
      } catch (error) {
        this.#reportTrouble(error);
      }
    })();
    return this.#deleting;
  }

  async #nextAppend(signal: AbortSignal): Promise<void> {
    const appended = Promise.withResolvers<void>();
    const abort = (): void => appended.reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    this.#waiting.add(appended);
    try {
      await appended.promise;
    } finally {
      signal.removeEventListener('abort', abort);
      this.#waiting.delete(appended);
    }
  }
}
