/**
 * A durable first-in first-out log: the agent's outbox and the collector's queue.
 *
 * On disk, all in one folder:
 *
 *   000000000007.segment    blocks of consecutive positions, each a record with its own CRC; format.ts has the
 *   000000000008.segment    bytes. A segment starts with the owner's checkpoint: its whole state.
 *   positions               how far each consumer is: two slots, written in turn and in place
 *   reserve                 space given up when the disk is full, so that consumers can go on
 *   lock                    held by the one process that has the folder
 *   000000000003.segment.damaged   a segment that had lost blocks, kept for whoever wants to look
 *
 * What always holds:
 *
 *   1. An append resolves when its block is on disk: one write and one fdatasync for a group of blocks,
 *      and an fsync of the folder when the group starts a segment.
 *   2. A group is written only after the group before it has been synced. So after a crash only the last group
 *      can be incomplete, and a hole anywhere else is damage.
 *   3. A file that failed to write or sync is not written again. What was not acknowledged goes to a new
 *      segment, whose first position makes void whatever the old one holds from there on.
 *   4. A segment is deleted only when positions behind all of it are on disk for every consumer, and
 *      never when it is needed for the newest readable checkpoint.
 *   5. Damage costs the records it hit: every record is found again by its marker, and sealed so that
 *      bytes inside somebody's block are never taken for one.
 *
 * What a crash can leave, and what the next start makes of it:
 *
 *   a group half written, or written in any order      cut at the first hole of the last group
 *   a whole group that nobody was told of              kept: at least once, never less
 *   a segment without a header or its first group      kept aside or empty; the one before is the newest
 *   a segment deleted before its name was gone         deleted again: its positions are all done
 *   one slot of the positions half written             the other holds the state before
 *   the new positions file not yet renamed             the old one stands
 *   positions beyond the newest block                  the next block comes after them: none is skipped
 *   blocks lost, gone or unreadable                    reported, counted, passed over
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Clock } from '#lib/clock';
import { Arrivals } from './queue/arrivals.ts';
import { type ConsumerOptions, Consumers, type ConsumerStatistics } from './queue/consumers.ts';
import { Positions, readPositions, type StoredPositions } from './queue/consumers/positions.ts';
import { diskFileSystem, type QueueFileSystem } from './queue/files.ts';
import { GroupCommit } from './queue/group-commit.ts';
import type { QueueIncident } from './queue/incident.ts';
import { SegmentLog } from './queue/log.ts';
import type { QueueEntry } from './queue/log/segment.ts';
import { listSegments, newestCheckpoint, recoverSegments } from './queue/recovery.ts';
import { Reserve } from './queue/reserve.ts';

export { type ConsumerOptions, type ConsumerStatistics } from './queue/consumers.ts';
export { DiskFullError, QueueFullError } from './queue/errors.ts';
export { type QueueIncident } from './queue/incident.ts';
export { type QueueEntry } from './queue/log/segment.ts';

/**
 * A durable first-in first-out log of opaque blocks with several consumers. One process at a time.
 * Reading and acknowledging go in position order per consumer.
 */
export interface Queue extends AsyncDisposable {
  /** Identifies this log from its creation on: positions of another id mean nothing to it. */
  readonly id: string;
  /**
   * What its owner must know after a restart: the newest readable checkpoint, and all blocks
   * appended after it, delivered or not. Empty when the queue is opened without `checkpoint`, and
   * from the first append on: it may be as large as a segment.
   */
  readonly recovered: Recovered;
  /**
   * Resolves to the block's position once it is on disk; the block must not change until then.
   * Rejects with QueueFullError, DiskFullError, or the disk's own error: then nobody will read it, save
   * that it may be found if the process dies before anything else is appended.
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

export interface Recovered {
  readonly checkpoint: Uint8Array | undefined;
  readonly since: readonly QueueEntry[];
}

export interface QueueOptions {
  /** A folder for this queue alone; made when it is not there. */
  readonly directory: string;
  /** All that read. A new name starts at the oldest block there is; one no longer here is forgotten. */
  readonly consumers: readonly ConsumerOptions[];
  readonly clock: Clock;
  /**
   * The owner's whole state, written at the head of every segment. It must hold what every block says
   * whose append has resolved; of others it may, if reading them again does no harm.
   */
  readonly checkpoint?: () => Uint8Array;
  /** Told of everything an operator should know: log it and count it. */
  readonly report?: (incident: QueueIncident) => void;
  /** A segment is the unit of deletion, and what a restart reads: 16 MiB of blocks unless told. */
  readonly segmentBytesMax?: number;
  /** Larger blocks are refused: 64 MiB unless told. */
  readonly blockBytesMax?: number;
  readonly files?: QueueFileSystem;
}

type Settings = Required<Omit<QueueOptions, 'checkpoint'>> & Pick<QueueOptions, 'checkpoint'>;

const nothing: Recovered = { checkpoint: undefined, since: [] };

/**
 * Opens the queue in a folder, or makes a new one, and repairs what a crash left. Rejects when another
 * process has it, when a newer program wrote it, when it is another queue's, or with the disk's own
 * error. Damage is reported, not thrown.
 */
export async function openQueue(options: QueueOptions, signal?: AbortSignal): Promise<Queue> {
  const settings = {
    report: () => undefined,
    segmentBytesMax: 16 << 20,
    blockBytesMax: 64 << 20,
    files: diskFileSystem,
    ...options,
  };
  signal?.throwIfAborted();
  await settings.files.makeDirectory(settings.directory);
  const lock = settings.files.lock(join(settings.directory, 'lock'));
  try {
    return await openLocked(settings, lock);
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

async function openLocked(settings: Settings, lock: Disposable): Promise<Queue> {
  const { directory, files, clock, checkpoint, report } = settings;
  const path = join(directory, 'positions');
  const stored = await readPositions(files, path, report);
  const candidates = await listSegments(settings);
  const id = stored?.id ?? candidates.find(({ header }) => header)?.header?.id ?? randomUUID();
  const acknowledged = [...(stored?.positions.values() ?? [])];
  const provenThrough = Math.max(0, ...acknowledged);
  const doneThrough = Math.min(provenThrough, ...acknowledged);
  const known = { id, provenThrough, doneThrough };
  const segments = await recoverSegments(settings, candidates, known);
  const end = segments.at(-1)?.end ?? 1;
  if (provenThrough >= end) {
    const blocks = provenThrough + 1 - end;
    report({ kind: 'damaged', file: segments.at(-1)?.path ?? directory, bytes: 0, blocks });
  }
  const found = checkpoint && (await newestCheckpoint(settings, segments));
  const reserve = new Reserve(files, join(directory, 'reserve'));
  // A full disk must not keep consumers from being served; appends will ask for the reserve again.
  await reserve.ensure().catch(() => undefined);
  const log = new SegmentLog(
    { ...settings, id, reserve, checkpoint },
    {
      segments,
      checkpointed: found?.segment,
      next: Math.max(end, provenThrough + 1),
      sequence: candidates.at(-1)?.sequence ?? 0,
    },
  );
  const initial = { id, positions: positionsOfConfigured(settings, log, stored) };
  const positions = new Positions({ files, directory, path, reserve }, initial, stored);
  await positions.store();
  const consumers = new Consumers(settings.consumers, { log, positions, clock, directory, report });
  const since = checkpoint && (await log.entriesAfter((found?.segment ?? log).first - 1, Infinity));
  const recovered = { checkpoint: found?.checkpoint, since: since ?? [] };
  await consumers.tidy();
  return new DiskQueue(settings, { id, recovered, lock, log, consumers });
}

/** Where each configured consumer stands; the others are forgotten, lest they hold segments for ever. */
function positionsOfConfigured(
  { consumers, report }: Settings,
  log: SegmentLog,
  stored: StoredPositions | undefined,
): ReadonlyMap<string, number> {
  const before = log.first - 1;
  const names = consumers.map(({ name }) => name);
  const known = stored?.positions ?? new Map<string, number>();
  for (const [name, position] of known) {
    if (names.includes(name)) continue;
    report({ kind: 'forgotten', consumer: name, blocks: log.pendingAfter(position).blocks });
  }
  return new Map(names.map((name) => [name, Math.max(known.get(name) ?? 0, before)]));
}

interface Parts {
  readonly id: string;
  readonly recovered: Recovered;
  readonly lock: Disposable;
  readonly log: SegmentLog;
  readonly consumers: Consumers;
}

class DiskQueue implements Queue {
  readonly id: string;
  #recovered: Recovered;
  readonly #settings: Settings;
  readonly #lock: Disposable;
  readonly #log: SegmentLog;
  readonly #consumers: Consumers;
  readonly #writer: GroupCommit;
  /** Bytes of blocks that are accepted and not yet on disk. */
  #unwrittenBytes = 0;
  readonly #arrivals = new Arrivals();
  #closed = false;

  constructor(settings: Settings, { id, recovered, lock, log, consumers }: Parts) {
    this.id = id;
    this.#recovered = recovered;
    this.#settings = settings;
    this.#lock = lock;
    this.#log = log;
    this.#consumers = consumers;
    this.#writer = new GroupCommit((blocks) => this.#commit(blocks), settings.segmentBytesMax);
  }

  get recovered(): Recovered {
    return this.#recovered;
  }

  async append(block: Uint8Array): Promise<number> {
    this.#checkOpen('append');
    const { blockBytesMax } = this.#settings;
    if (block.length > blockBytesMax) {
      throw new RangeError(
        `cannot append a block of ${block.length} bytes: at most ${blockBytesMax}`,
      );
    }
    this.#consumers.checkRoom(this.#unwrittenBytes + block.length);
    this.#unwrittenBytes += block.length;
    return this.#writer.append(block);
  }

  async read(name: string, bytesMax: number, signal: AbortSignal): Promise<readonly QueueEntry[]> {
    const consumer = this.#consumers.get(name);
    for (;;) {
      await this.#consumers.enforceBounds(consumer);
      const next = this.#log.next;
      const entries = await this.#log.entriesAfter(consumer.done, bytesMax);
      signal.throwIfAborted();
      this.#checkOpen('read');
      if (entries.length > 0) return entries;
      if (next === this.#log.next) await this.#arrivals.next(signal);
    }
  }

  async acknowledge(name: string, position: number): Promise<void> {
    this.#checkOpen('acknowledge');
    const newest = this.#log.next - 1;
    if (position > newest) {
      throw new RangeError(`cannot acknowledge ${position}: the newest block is ${newest}`);
    }
    await this.#consumers.acknowledge(this.#consumers.get(name), position);
  }

  statistics(name: string): ConsumerStatistics {
    return this.#consumers.statistics(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#writer.idle();
    this.#arrivals.close(new Error('cannot read: the queue is closed'));
    await this.#consumers.close();
    await this.#log.close();
    this.#lock[Symbol.dispose]();
  }

  #checkOpen(what: string): void {
    if (this.#closed) throw new Error(`cannot ${what}: the queue is closed`);
  }

  async #commit(blocks: readonly Uint8Array[]): Promise<number> {
    const { directory, report } = this.#settings;
    const first = await this.#log.commit(blocks).finally(() => {
      for (const { length } of blocks) this.#unwrittenBytes -= length;
    });
    this.#recovered = nothing;
    await this.#consumers.enforceAllBounds().catch((error: unknown) => {
      report({ kind: 'trouble', file: directory, error });
    });
    this.#arrivals.announce();
    return first;
  }
}
