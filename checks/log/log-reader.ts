import { Follower } from './follower.ts';
import { compileLayout } from './layout-parser.ts';
import { type LineParser } from './line.ts';
import { type LogReading } from './reading.ts';
import { RouteTable } from './routes.ts';
import { RunCounts } from './run-counts.ts';
import { type LogSettings } from './settings.ts';
import { type LogState, emptyState } from './state.ts';
import { advanceWindow } from './window.ts';

/** One run: what it starts from, and how long it may take. */
export interface ReadOrder {
  readonly state: LogState | undefined;
  readonly nowMs: number;
  /** It stops after this time, with what it has; the next run goes on from there. */
  readonly budgetMs: number;
}

/** Reads and counts one log, run by run. */
export class LogReader implements Disposable {
  readonly #settings: LogSettings;
  readonly #parser: LineParser;
  readonly #routes: RouteTable;
  readonly #buffer: Buffer;
  readonly #follower: Follower;

  constructor(settings: LogSettings) {
    this.#settings = settings;
    this.#parser = compileLayout(settings.format, []);
    this.#routes = new RouteTable(settings.routes);
    this.#buffer = Buffer.allocUnsafeSlow(settings.sliceBytes + settings.lineBytesMax);
    this.#follower = new Follower(settings);
  }

  /** Reads what came after `order.state`; stops early on abort, with what it has. */
  async read(order: ReadOrder, signal: AbortSignal): Promise<LogReading> {
    const { state, nowMs } = order;
    const timeUp = new AbortController();
    const timer = setTimeout(() => timeUp.abort(), order.budgetMs);
    try {
      const counts = new RunCounts(this.#parser, this.#routes, this.#settings, nowMs);
      const { segments, modifiedMs, ...followed } = await this.#follower.follow(state?.segments, {
        scanner: counts.scanner,
        buffer: this.#buffer,
        nowMs,
        signal: AbortSignal.any([signal, timeUp.signal]),
      });
      const { window, lastLineUnixMs } = state ?? emptyState;
      return {
        ...followed,
        gains: counts.gains(),
        newestLineMs: counts.newestLineMs,
        state: {
          version: 1,
          segments,
          lastLineUnixMs: counts.activeMs ?? lastLineUnixMs ?? modifiedMs,
          window: advanceWindow(window, counts.tallies, this.#routes.names, counts.oldestSlot),
        },
      };
    } finally {
      clearTimeout(timer);
    }
  }

  [Symbol.dispose](): void {
    this.#follower[Symbol.dispose]();
  }
}
