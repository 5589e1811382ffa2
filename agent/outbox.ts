import { setImmediate } from 'node:timers/promises';
import { BackOff } from '#lib/back-off';
import type { Clock } from '#lib/clock';
import type { Logger } from '#lib/log';
import { encodeLogs } from '#lib/otlp/logs';
import { encodeMetrics } from '#lib/otlp/metrics';
import type { LogRecord, MetricPoint } from '#lib/otlp/model';
import { type Queue, openQueue } from '#lib/queue';
import type { QueueFileSystem } from '#lib/queue/files';
import { createIncidentLog } from '#lib/queue/incident-log';
import type { Increments, Result } from '#lib/results';
import type { Subject } from '#lib/results/subject';
import { type Entry, encodeEntry, withoutIncrements } from './outbox/entry.ts';
import {
  type OutboxRecord,
  decodeMemory,
  decodeRecord,
  decodeRequests,
  encodeMemory,
  encodeRecord,
} from './outbox/record.ts';
import { formatMemory, parseMemory, targetKey } from './outbox/target-memory.ts';
import type { Recorder } from './runs/follower.ts';

/*
 * Everything a run leaves behind, kept until the collector has acknowledged it.
 *
 * Results that come while a write is under way share the next one. A record holds the requests to send
 * and, for each target concerned, what must be remembered: sums of counters, start times, newest time,
 * the check's own state. So a crash finds the two together or neither: no counter forgets or repeats
 * what a log position has passed.
 *
 * While the disk refuses, results wait in memory and checks go on. A result whose check keeps a state
 * gives up its increments then, since the next run, given the old state, finds them again.
 */

/** Results in one record: the smallest part that a collector can be sent or refuse. */
const groupMax = 64;
/** Results that wait in memory for a disk that refuses; beyond, the oldest is dropped and counted. */
const waitingMax = 10_000;
const segmentBytesMax = 8 << 20;
const recordsAStep = 16;
const consumer = 'collector';

export interface OutboxOptions {
  readonly directory: string;
  readonly bytesMax: number;
  readonly ageMaxMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly files?: QueueFileSystem;
}

/** A record as the exporter reads it. */
export interface OutboxEntry {
  readonly position: number;
  readonly metrics: Uint8Array;
  readonly logs: Uint8Array;
}

export interface OutboxStatistics {
  /** What waits for the collector, on disk; a record is a group of results. */
  readonly records: number;
  readonly bytes: number;
  /** How long the oldest of it has been waiting. */
  readonly ageMs: number;
  /** Given up since the start because of the bounds. */
  readonly droppedRecords: number;
  /** Results that wait in memory for a disk that refuses, and those given up there since the start. */
  readonly waitingResults: number;
  readonly droppedResults: number;
}

interface Waiting {
  readonly entry: Entry;
  /** The next run may start: the entry is on disk, or its check's state stays as it was. */
  readonly settled: PromiseWithResolvers<void>;
}

/** Opens the outbox in a folder of its own; rejects when another process has it or the disk gives an error. */
export async function openOutbox(options: OutboxOptions): Promise<Outbox> {
  const { directory, bytesMax, ageMaxMs, clock, log, files } = options;
  const memory = new Map<string, string>();
  const queue = await openQueue({
    directory,
    clock,
    consumers: [{ name: consumer, bytesMax, ageMaxMs, required: false }],
    checkpoint: () => encodeMemory(memory),
    report: createIncidentLog('outbox', clock, log),
    segmentBytesMax,
    ...(files === undefined ? {} : { files }),
  });
  try {
    const { checkpoint, since } = queue.recovered;
    if (checkpoint !== undefined) install(decodeMemory(checkpoint), memory);
    for (const { block } of since) install(decodeRecord(block).memory, memory);
  } catch (error) {
    await queue[Symbol.asyncDispose]();
    throw error;
  }
  return new Outbox(queue, memory, options);
}

export class Outbox implements Recorder, AsyncDisposable {
  readonly #queue: Queue;
  /** Of every target, what the newest record on disk says. */
  readonly #memory: Map<string, string>;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #backOff = new BackOff({ initialMs: 500, maxMs: 15_000 });
  readonly #closing = new AbortController();
  #waiting: Waiting[] = [];
  #writer: Promise<void> | undefined;
  /** The last write was refused. */
  #refused = false;
  #droppedResults = 0;

  constructor(queue: Queue, memory: Map<string, string>, { clock, log }: OutboxOptions) {
    this.#queue = queue;
    this.#memory = memory;
    this.#clock = clock;
    this.#log = log;
  }

  /** Identifies this outbox from its creation on; positions count from 1 within it. */
  get id(): string {
    return this.#queue.id;
  }

  get statistics(): OutboxStatistics {
    const { pendingBlocks, pendingBytes, oldestUnixMs, droppedBlocks } =
      this.#queue.statistics(consumer);
    return {
      records: pendingBlocks,
      bytes: pendingBytes,
      ageMs: oldestUnixMs === undefined ? 0 : this.#clock.unixMs() - oldestUnixMs,
      droppedRecords: droppedBlocks,
      waitingResults: this.#waiting.length,
      droppedResults: this.#droppedResults,
    };
  }

  stateOf(subject: Subject): unknown {
    return parseMemory(this.#memory.get(targetKey(subject))).state;
  }

  bookedUnixMsOf(subject: Subject): number | undefined {
    return parseMemory(this.#memory.get(targetKey(subject))).series?.bookedUnixMs;
  }

  async record(result: Result): Promise<void> {
    await this.#add({ kind: 'result', subject: result.subject, result });
  }

  async recordIncrements(increments: Increments): Promise<void> {
    await this.#add({ kind: 'increments', subject: increments.subject, increments });
  }

  /** Ends the series of targets that are no longer checked; what their checks want to know is kept. */
  async endAllBut(subjects: readonly Subject[]): Promise<void> {
    const kept = new Set(subjects.map(targetKey));
    const gone = [...this.#memory].flatMap(([key, text]) => {
      const subject = kept.has(key) ? undefined : parseMemory(text).series?.subject;
      return subject ?? [];
    });
    const atUnixMs = this.#clock.unixMs();
    await Promise.all(gone.map((subject) => this.#add({ kind: 'removal', subject, atUnixMs })));
  }

  /** Waits until something is there, then gives the oldest records, about `bytesMax` of them on disk. */
  async read(bytesMax: number, signal: AbortSignal): Promise<readonly OutboxEntry[]> {
    const entries: OutboxEntry[] = [];
    for (const { position, block } of await this.#queue.read(consumer, bytesMax, signal)) {
      entries.push({ position, ...decodeRequests(block) });
      // A backlog is inflated in small steps, so that no run's timing suffers.
      if (entries.length % recordsAStep === 0) await setImmediate();
    }
    return entries;
  }

  /** The collector has everything up to and including `position`. */
  async acknowledge(position: number): Promise<void> {
    await this.#queue.acknowledge(consumer, position);
  }

  /** Writes what waits, once more if the disk refused, and closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#writer;
    await this.#queue[Symbol.asyncDispose]();
  }

  #add(entry: Entry): Promise<void> {
    const waiting = { entry, settled: Promise.withResolvers<void>() };
    this.#waiting.push(this.#refused ? withdraw(waiting) : waiting);
    this.#writer ??= this.#writeAll();
    return waiting.settled.promise;
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, groupMax);
      const error = await this.#write(group.map(({ entry }) => entry));
      if (error === undefined) this.#accept(group);
      else await this.#refuse(group, error);
    }
    this.#writer = undefined;
  }

  /** Resolves to what the disk says against it. */
  async #write(entries: readonly Entry[]): Promise<unknown> {
    try {
      const record = this.#encode(entries);
      await this.#queue.append(encodeRecord(record));
      install(record.memory, this.#memory);
      return undefined;
    } catch (error) {
      return error;
    }
  }

  #encode(entries: readonly Entry[]): OutboxRecord {
    const memory = new Map<string, string>();
    const points: MetricPoint[] = [];
    const logs: LogRecord[] = [];
    for (const entry of entries) {
      const key = targetKey(entry.subject);
      try {
        const encoded = encodeEntry(entry, parseMemory(memory.get(key) ?? this.#memory.get(key)));
        memory.set(key, formatMemory(encoded.memory));
        points.push(...encoded.points);
        logs.push(...encoded.logs);
      } catch (error) {
        this.#droppedResults += 1;
        this.#log.error({ error, ...entry.subject }, 'dropped a result that cannot be encoded');
      }
    }
    return { metrics: encodeMetrics(points), logs: encodeLogs(logs), memory };
  }

  #accept(group: readonly Waiting[]): void {
    if (this.#refused) this.#log.info({}, 'the outbox can be written again');
    this.#refused = false;
    this.#backOff.reset();
    for (const { settled } of group) settled.resolve();
  }

  /** Keeps results in memory, lets checks go on, and waits before the next try; when closing, gives up. */
  async #refuse(group: readonly Waiting[], error: unknown): Promise<void> {
    const waiting = [...group, ...this.#waiting].map(withdraw);
    const closing = this.#closing.signal.aborted;
    const dropped = closing ? waiting.length : Math.max(0, waiting.length - waitingMax);
    this.#waiting = waiting.slice(dropped);
    this.#droppedResults += dropped;
    if (!this.#refused || closing) {
      const message =
        'the outbox cannot be written; results wait in memory, the oldest are dropped';
      this.#log.error({ error, waiting: this.#waiting.length, dropped }, message);
    }
    this.#refused = true;
    if (!closing) await this.#pause();
  }

  async #pause(): Promise<void> {
    await this.#clock.sleep(this.#backOff.next(), this.#closing.signal).catch(() => undefined);
  }
}

/** The disk refuses it for now: the next run may start all the same. */
function withdraw({ entry, settled }: Waiting): Waiting {
  settled.resolve();
  return { entry: withoutIncrements(entry), settled };
}

function install(patch: ReadonlyMap<string, string>, memory: Map<string, string>): void {
  for (const [key, text] of patch) {
    if (text === '') memory.delete(key);
    else memory.set(key, text);
  }
}
