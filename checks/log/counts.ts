import { DistinctCounter } from './counts/distinct.ts';
import { exportedCounts } from './counts/durations.ts';
import type { DistinctCount, DurationGain, RequestGain, RunGains } from './counts/gains.ts';
import { methods } from './counts/methods.ts';
import type { RouteTable } from './counts/routes.ts';
import { type DurationTally, Tally, cellOf, statusClasses } from './counts/tally.ts';
import { ValueTally } from './counts/value-tally.ts';
import { LineScanner } from './line-scanner.ts';
import { type LineParser, type ParsedLine, numberSlots, spanSlots } from './parser/line.ts';
import type { ReaderSettings } from './reader-settings.ts';

/** In how many steps a window moves on. */
const slotsPerWindow = 6;

/** What is different in the lines of one slot. */
export interface Distinct {
  readonly clients: DistinctCounter;
  readonly connections: DistinctCounter;
}

/** Counts the lines of one run. */
export class RunCounts implements Disposable {
  readonly scanner: LineScanner;
  /** By slot of the window; what is older than the window is together in the slot before it. */
  readonly tallies = new Map<number, Tally>();
  readonly distinct = new Map<number, Distinct>();
  readonly #parser: LineParser;
  readonly #routes: RouteTable;
  /** How long a slot of the window is. */
  readonly slotMs: number;
  readonly #nowMs: number;
  readonly #distinctMax: number;
  readonly #values: readonly ValueTally[];
  #newestMs = Number.NEGATIVE_INFINITY;
  /** What is in use, and the times of the lines that belong to it. */
  #tally: Tally;
  #clients: DistinctCounter;
  #connections: DistinctCounter;
  #fromMs = 0;
  #toMs = 0;

  constructor(parser: LineParser, routes: RouteTable, settings: ReaderSettings, nowMs: number) {
    this.#parser = parser;
    this.#routes = routes;
    this.slotMs = settings.windowMs / slotsPerWindow;
    this.#nowMs = nowMs;
    this.#distinctMax = settings.clientsMax;
    const fields = fieldsOfValues(settings);
    this.#values = settings.values.map(
      (value) => new ValueTally(value, numberSlots.first + fields.indexOf(value.field)),
    );
    ({
      tally: this.#tally,
      clients: this.#clients,
      connections: this.#connections,
    } = this.#slotAt(nowMs));
    this.scanner = new LineScanner(parser, settings.lineBytesMax, () => this.#count());
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

  get newestSlot(): number {
    return Math.floor(this.#nowMs / this.slotMs);
  }

  get oldestSlot(): number {
    return this.newestSlot - slotsPerWindow + 1;
  }

  #count(): void {
    const { line } = this.#parser;
    const { spans, numbers } = line;
    const timeMs = numbers[numberSlots.timeMs] ?? Number.NaN;
    const loggedMs = Number.isNaN(timeMs) ? this.#nowMs : timeMs;
    if (loggedMs > this.#newestMs) this.#newestMs = loggedMs;
    if (loggedMs < this.#fromMs || loggedMs >= this.#toMs) this.#enterSlot(loggedMs);
    const uri = spans[spanSlots.uri] ?? -1;
    this.#tally.add(line, this.#routes.find(line.bytes, uri, spans[spanSlots.uri + 1] ?? -1));
    if (line.hasAddress) this.#clients.addAddress(line.address);
    else addText(this.#clients, line, spanSlots.client);
    addText(this.#connections, line, spanSlots.connection);
    for (const value of this.#values) value.add(numbers);
  }

  #enterSlot(loggedMs: number): void {
    const { tally, clients, connections } = this.#slotAt(loggedMs);
    this.#tally = tally;
    this.#clients = clients;
    this.#connections = connections;
  }

  #slotAt(loggedMs: number): Distinct & { readonly tally: Tally } {
    const newest = this.newestSlot;
    const before = this.oldestSlot - 1;
    const slot = Math.min(newest, Math.max(before, Math.floor(loggedMs / this.slotMs)));
    this.#fromMs = slot === before ? Number.NEGATIVE_INFINITY : slot * this.slotMs;
    this.#toMs = slot === newest ? Number.POSITIVE_INFINITY : (slot + 1) * this.slotMs;
    const tally = this.tallies.get(slot) ?? new Tally(this.#routes.names.length);
    const distinct = this.distinct.get(slot) ?? {
      clients: new DistinctCounter(this.#distinctMax),
      connections: new DistinctCounter(this.#distinctMax),
    };
    this.tallies.set(slot, tally);
    this.distinct.set(slot, distinct);
    return { tally, ...distinct };
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
      clients: this.#countDistinct('clients'),
      connections: this.#countDistinct('connections'),
      values: this.#values.map((value) => value.gain()),
    };
  }

  [Symbol.dispose](): void {
    for (const { clients, connections } of this.distinct.values()) {
      clients[Symbol.dispose]();
      connections[Symbol.dispose]();
    }
  }

  /** The slots together. */
  #countDistinct(what: keyof Distinct): DistinctCount {
    const parts = [...this.distinct.values()].map((distinct) => distinct[what]);
    const [first, ...others] = parts.filter(({ size }) => size > 0);
    if (first === undefined) return { count: 0, complete: true };
    if (others.length === 0) return countOf(first);
    using all = new DistinctCounter(this.#distinctMax);
    for (const part of parts) all.addAll(part);
    return countOf(all);
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

function countOf({ size: count, complete }: DistinctCounter): DistinctCount {
  return { count, complete };
}

/** The fields whose numbers the parser is to keep, in the order in which it keeps them. */
export function fieldsOfValues({ values }: ReaderSettings): string[] {
  return [...new Set(values.map(({ field }) => field))];
}

function addText(counter: DistinctCounter, { bytes, spans }: ParsedLine, slot: number): void {
  const start = spans[slot] ?? -1;
  if (start >= 0) counter.addText(bytes, start, spans[slot + 1] ?? -1);
}
