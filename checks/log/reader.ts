import { readBuffer } from './bytes/byte-finder.ts';
import { type Distinct, RunCounts, fieldsOfValues } from './counts.ts';
import type { RecentCounts } from './counts/gains.ts';
import { RecentDistinct } from './counts/recent-distinct.ts';
import { RouteTable } from './counts/routes.ts';
import { Follower } from './follower.ts';
import { compileFormat } from './parser.ts';
import { GuardedParser } from './parser/guarded.ts';
import type { LineParser } from './parser/line.ts';
import type { ReaderSettings } from './reader-settings.ts';
import type { LogReading } from './reading.ts';
import type { LogState } from './state.ts';
import { advanceWindow } from './window.ts';

/** One run: what it starts from, and how long it may take. */
export interface ReadOrder {
  readonly state: LogState | undefined;
  readonly nowMs: number;
  /** It stops after this time, with what it has; the next run goes on from there. */
  readonly budgetMs: number;
  /** Whether the last one did not come back: then lines for which the parser takes for ever are given up. */
  readonly careful: boolean;
}

/** Reads and counts one log, run by run. */
export class LogReader implements Disposable {
  readonly #settings: ReaderSettings;
  readonly #parser: LineParser;
  readonly #routes: RouteTable;
  readonly #buffer: Buffer;
  readonly #follower: Follower;
  #recent: Record<keyof Distinct, RecentDistinct> | undefined;
  #newestSlot = Number.NEGATIVE_INFINITY;

  constructor(settings: ReaderSettings) {
    this.#settings = settings;
    this.#parser = compileFormat(settings.format, fieldsOfValues(settings));
    this.#routes = new RouteTable(settings.routes);
    this.#buffer = readBuffer(settings.sliceBytes + settings.lineBytesMax);
    this.#follower = new Follower(settings);
  }

  /** Reads what came after `order.state`; stops early on abort, with what it has. */
  async read(order: ReadOrder, signal: AbortSignal): Promise<LogReading> {
    const { state, nowMs } = order;
    const timeUp = new AbortController();
    const timer = setTimeout(() => timeUp.abort(), order.budgetMs);
    try {
      const guarded =
        order.careful && this.#parser.mayStall ? new GuardedParser(this.#parser) : undefined;
      using counts = new RunCounts(guarded ?? this.#parser, this.#routes, this.#settings, nowMs);
      const { segments, modifiedMs, ...followed } = await this.#follower.follow(state?.segments, {
        scanner: counts.scanner,
        buffer: this.#buffer,
        nowMs,
        signal: AbortSignal.any([signal, timeUp.signal]),
      });
      return {
        ...followed,
        gains: counts.gains(),
        recent: this.#lookBack(counts, state !== undefined),
        newestLineMs: counts.newestLineMs,
        stalledLines: guarded?.stalledLines ?? 0,
        state: {
          version: 1,
          segments,
          sinceUnixMs: Math.min(state?.sinceUnixMs ?? nowMs, nowMs),
          lastLineUnixMs: past(latest(state?.lastLineUnixMs, counts.activeMs) ?? modifiedMs, nowMs),
          window: advanceWindow(state?.window, counts, this.#routes.names),
        },
      };
    } finally {
      clearTimeout(timer);
    }
  }

  /** What was different in the window; with `resumed`, what was in it before this reader began is not known. */
  #lookBack({ distinct, oldestSlot, newestSlot }: RunCounts, resumed: boolean): RecentCounts {
    const recentDistinct = (): RecentDistinct =>
      new RecentDistinct(
        this.#settings.clientsMax,
        resumed ? newestSlot : Number.NEGATIVE_INFINITY,
      );
    // Where the clock was put back, what was seen is of a future that has not been.
    if (newestSlot < this.#newestSlot) this.#recent = undefined;
    this.#newestSlot = newestSlot;
    this.#recent ??= { clients: recentDistinct(), connections: recentDistinct() };
    const { clients, connections } = this.#recent;
    for (const recent of [clients, connections]) recent.forget(oldestSlot);
    for (const [slot, seen] of distinct) {
      if (slot < oldestSlot) continue;
      clients.enter(slot, seen.clients);
      connections.enter(slot, seen.connections);
    }
    return { clients: clients.count(oldestSlot), connections: connections.count(oldestSlot) };
  }

  [Symbol.dispose](): void {
    this.#follower[Symbol.dispose]();
  }
}

/** A clock that was ahead and was put back leaves times that have not come. */
function past(unixMs: number | undefined, nowMs: number): number | undefined {
  return unixMs === undefined ? undefined : Math.min(unixMs, nowMs);
}

/** What is read late, from a rotated file, makes the log no older. */
function latest(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);
}
