import { join } from 'node:path';
import type { Clock } from '#lib/clock';
import { noLimits } from '#lib/otlp/limits';
import { decodeLogs } from '#lib/otlp/logs';
import { decodeMetrics } from '#lib/otlp/metrics';
import {
  type ConsumerStatistics,
  openQueue,
  type Queue,
  type QueueEntry,
  type QueueIncident,
} from '#lib/queue';
import type { SinkConfiguration } from './config.ts';
import type { BatchSource } from './forwarder.ts';
import { type Block, decodeBlock, encodeBlock, type Signal } from './queue/block.ts';
import { type LedgerEntry, OutboxLedger, sequenceKey } from './queue/outbox-ledger.ts';
import { decompress } from './queue/payload.ts';
import type { Batch } from './sinks/sink.ts';

export interface CollectorQueueOptions {
  readonly dataDirectory: string;
  readonly sinks: readonly Pick<SinkConfiguration, 'name' | 'queue'>[];
  readonly clock: Clock;
  readonly report: (incident: QueueIncident) => void;
}

/** What became of a block that the queue did not refuse. */
export interface Acceptance {
  /** False when its outbox had delivered the beginning of it before: then nothing of it was stored. */
  readonly stored: boolean;
  /** Position of the outbox up to which everything is on disk; undefined for an unnumbered request. */
  readonly through: number | undefined;
  /** Positions that were never delivered, between what was known and this request. */
  readonly missing: number;
}

/** How much goes into one delivery, once inflated: several thousand points. */
const batchBytesMax = 1024 * 1024;

/** How much is read for it, of requests that are of one run each: those of many take less for each. */
const readBytesMax = batchBytesMax / 4;

/** The receiver's limits are below this, whatever is configured: what it accepts must fit. */
const blockBytesMax = 2 ** 30;

/** Opens the collector's queue in its data folder; the errors are those of `openQueue`. */
export async function openCollectorQueue(options: CollectorQueueOptions): Promise<CollectorQueue> {
  let ledger = new OutboxLedger();
  const queue = await openQueue({
    directory: join(options.dataDirectory, 'queue'),
    consumers: options.sinks.map(({ name, queue }) => ({ name, ...queue })),
    clock: options.clock,
    checkpoint: () => ledger.encode(),
    report: options.report,
    blockBytesMax,
  });
  try {
    const { checkpoint, since } = queue.recovered;
    if (checkpoint !== undefined) ledger = OutboxLedger.decode(checkpoint);
    for (const { block } of since) ledger.note(decodeBlock(block));
  } catch (error) {
    await queue[Symbol.asyncDispose]();
    throw error;
  }
  return new CollectorQueue(queue, ledger);
}

/** Keeps accepted blocks until every sink has them, and knows what each outbox has delivered. */
export class CollectorQueue implements AsyncDisposable {
  readonly #queue: Queue;
  readonly #ledger: OutboxLedger;
  /** The newest request of each numbered sequence that is being stored. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(queue: Queue, ledger: OutboxLedger) {
    this.#queue = queue;
    this.#ledger = ledger;
  }

  /**
   * Resolves once the block is on disk, or known to be there already. Rejects with QueueFullError,
   * DiskFullError or the disk's own error; then nothing of it is kept.
   */
  async accept(block: Block): Promise<Acceptance> {
    if (block.range !== undefined) return this.#inTurn(block, () => this.#acceptNumbered(block));
    await this.#queue.append(encodeBlock(block));
    return { stored: true, through: undefined, missing: 0 };
  }

  /** What one sink has not acknowledged yet, in order. */
  source(sink: string): BatchSource {
    return {
      next: async (signal) => {
        const { blocks, position } = fill(await this.#queue.read(sink, readBytesMax, signal));
        const acknowledge = (): Promise<void> => this.#queue.acknowledge(sink, position);
        return { batch: toBatch(blocks), acknowledge };
      },
    };
  }

  statistics(sink: string): ConsumerStatistics {
    return this.#queue.statistics(sink);
  }

  /** What each outbox has delivered, and when it last did. */
  get outboxes(): Iterable<LedgerEntry> {
    return this.#ledger.entries;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#queue[Symbol.asyncDispose]();
  }

  async #acceptNumbered(block: Block): Promise<Acceptance> {
    const known = this.#ledger.through(block);
    const { first, last } = block.range ?? { first: 0, last: 0 };
    if (known !== undefined && first <= known) {
      return { stored: false, through: known, missing: 0 };
    }
    await this.#queue.append(encodeBlock(block));
    // Before anything else runs: the next checkpoint must know of every block that was appended.
    this.#ledger.note(block);
    return { stored: true, through: last, missing: known === undefined ? 0 : first - known - 1 };
  }

  /** A request sent again while the first try is still being stored waits for its outcome. */
  async #inTurn<Result>(block: Block, store: () => Promise<Result>): Promise<Result> {
    const key = sequenceKey(block);
    const before = this.#turns.get(key) ?? Promise.resolve();
    const turn = before.then(store, store);
    this.#turns.set(key, turn);
    try {
      return await turn;
    } finally {
      if (this.#turns.get(key) === turn) this.#turns.delete(key);
    }
  }
}

/** The blocks of one delivery, at least one of those that were read, and the position of the last. */
function fill(entries: readonly QueueEntry[]): {
  readonly blocks: readonly Block[];
  readonly position: number;
} {
  const blocks: Block[] = [];
  let inflatedBytes = 0;
  let last = 0;
  for (const { position, block: bytes } of entries) {
    const block = decodeBlock(bytes);
    inflatedBytes += block.payload.inflatedBytes;
    if (blocks.length > 0 && inflatedBytes > batchBytesMax) break;
    blocks.push(block);
    last = position;
  }
  return { blocks, position: last };
}

function toBatch(blocks: readonly Block[]): Batch {
  return {
    points: requests(blocks, 'metrics').flatMap((bytes) => decodeMetrics(bytes, noLimits).points),
    logs: requests(blocks, 'logs').flatMap((bytes) => decodeLogs(bytes, noLimits).records),
  };
}

function requests(blocks: readonly Block[], signal: Signal): readonly Uint8Array[] {
  return blocks
    .filter((block) => block.signal === signal)
    .map(({ payload }) => decompress(payload));
}
