import { DistinctCounter } from './distinct.ts';
import { exportedCounts } from './durations.ts';
import { type LineParser, numberSlots, spanSlots } from './line.ts';
import { LineScanner } from './line-scanner.ts';
import { methods } from './methods.ts';
import { type DurationGain, type RequestGain, type RunGains } from './reading.ts';
import { type RouteTable } from './routes.ts';
import { type LogSettings } from './settings.ts';
import { type DurationTally, Tally, cellOf, statusClasses } from './tally.ts';
import { slotsPerWindow } from './window.ts';

/** Counts the lines of one run. */
export class RunCounts {
  readonly scanner: LineScanner;
  /** By slot of the window; what is older than the window is together in the slot before it. */
  readonly tallies = new Map<number, Tally>();
  readonly #parser: LineParser;
  readonly #routes: RouteTable;
  readonly #slotMs: number;
  readonly #nowMs: number;
  readonly #clients: DistinctCounter;
  readonly #connections: DistinctCounter;
  #newestMs = Number.NEGATIVE_INFINITY;
  /** The tally in use, and the times of the lines that belong to it. */
  #tally: Tally;
  #fromMs = 0;
  #toMs = 0;

  constructor(parser: LineParser, routes: RouteTable, settings: LogSettings, nowMs: number) {
    this.#parser = parser;
    this.#routes = routes;
    this.#slotMs = settings.windowMs / slotsPerWindow;
    this.#nowMs = nowMs;
    this.#clients = new DistinctCounter(settings.clientsMax);
    this.#connections = new DistinctCounter(settings.clientsMax);
    this.#tally = this.#tallyAt(nowMs);
    this.scanner = new LineScanner(parser, settings.lineBytesMax, (bytes) => this.#count(bytes));
  }

  /** When the newest line was logged: its own time, never later than now; that of the run where lines have none. */
  get newestLineMs(): number | undefined {
    return Number.isFinite(this.#newestMs) ? Math.min(this.#newestMs, this.#nowMs) : undefined;
  }

  /** When the log was last written to, as its lines have it: one that was not parsed may be of just now. */
  get activeMs(): number | undefined {
    const { unparsed, oversize } = this.scanner.lines;
    return this.newestLineMs ?? (unparsed + oversize > 0 ? this.#nowMs : undefined);
  }

  get oldestSlot(): number {
    return Math.floor(this.#nowMs / this.#slotMs) - slotsPerWindow + 1;
  }

  #count(bytes: Buffer): void {
    const { spans, numbers } = this.#parser.line;
    const timeMs = numbers[numberSlots.timeMs] ?? Number.NaN;
    const loggedMs = Number.isNaN(timeMs) ? this.#nowMs : timeMs;
    if (loggedMs > this.#newestMs) this.#newestMs = loggedMs;
    if (loggedMs < this.#fromMs || loggedMs >= this.#toMs) this.#tally = this.#tallyAt(loggedMs);
    const uri = spans[spanSlots.uri] ?? -1;
    this.#tally.add(
      this.#parser.line,
      bytes,
      this.#routes.find(bytes, uri, spans[spanSlots.uri + 1] ?? -1),
    );
    if (this.#parser.line.hasAddress) this.#clients.addAddress(this.#parser.line.address);
    else addText(this.#clients, bytes, spans, spanSlots.client);
    addText(this.#connections, bytes, spans, spanSlots.connection);
  }

  #tallyAt(loggedMs: number): Tally {
    const newest = Math.floor(this.#nowMs / this.#slotMs);
    const before = this.oldestSlot - 1;
    const slot = Math.min(newest, Math.max(before, Math.floor(loggedMs / this.#slotMs)));
    this.#fromMs = slot === before ? Number.NEGATIVE_INFINITY : slot * this.#slotMs;
    this.#toMs = slot === newest ? Number.POSITIVE_INFINITY : (slot + 1) * this.#slotMs;
    const present = this.tallies.get(slot);
    if (present !== undefined) return present;
    const tally = new Tally(this.#routes.names.length);
    this.tallies.set(slot, tally);
    return tally;
  }

  gains(): RunGains {
    const tally = new Tally(this.#routes.names.length);
    for (const part of this.tallies.values()) tally.merge(part);
    return {
      lines: this.scanner.lines,
      bytes: this.scanner.bytes,
      requests: this.#requests(tally),
      durations: this.#durations(tally.durations),
      upstreams: this.#durations(tally.upstreams),
      clients: { count: this.#clients.size, complete: this.#clients.complete },
      connections: { count: this.#connections.size, complete: this.#connections.complete },
    };
  }

  #requests(tally: Tally): RequestGain[] {
    const gains: RequestGain[] = [];
    for (const [routeIndex, route] of this.#routes.names.entries()) {
      for (const [methodIndex, method] of methods.entries()) {
        for (const [classIndex, statusClass] of statusClasses.entries()) {
          const cell = cellOf(routeIndex, methodIndex, classIndex);
          const requests = tally.requests[cell] ?? 0;
          const sentBytes = tally.sentBytes[cell] ?? 0;
          if (requests > 0) gains.push({ route, method, statusClass, requests, sentBytes });
        }
      }
    }
    return gains;
  }

  #durations(tally: DurationTally): DurationGain[] {
    return this.#routes.names
      .map((route, index) => ({
        route,
        counts: exportedCounts(tally.of(index)),
        sumMs: tally.sumsMs[index] ?? 0,
      }))
      .filter(({ counts }) => counts.some((count) => count > 0));
  }
}

function addText(counter: DistinctCounter, bytes: Buffer, spans: Int32Array, slot: number): void {
  const start = spans[slot] ?? -1;
  if (start >= 0) counter.addText(bytes, start, spans[slot + 1] ?? -1);
}
