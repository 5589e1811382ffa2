import { accessSync, constants, fstatSync, readSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { type LogFile, type Listing, listFiles } from './files.ts';
import { compileLayout } from './layout-parser.ts';
import { type LineParser } from './line.ts';
import { type LineScanner } from './line-scanner.ts';
import { OpenFiles } from './open-files.ts';
import { type Place, type Placement, placeSegments } from './placement.ts';
import { type LogProblem, type LogReading } from './reading.ts';
import { RouteTable } from './routes.ts';
import { RunCounts } from './run-counts.ts';
import { advanceTail, fingerprint, lastLineStart, tailAt } from './segment.ts';
import { type LogSettings } from './settings.ts';
import { type LogState, type SegmentState, emptyState } from './state.ts';
import { advanceWindow } from './window.ts';

/** Bytes that are read at once, and after which others get their turn. */
const sliceBytes = 1 << 20;
/** For how many runs content that no file holds is looked for: a rotation may be under way. */
const absentRunsMax = 3;
/** How many contents without a file are remembered, in case one returns. */
const absentMax = 32;

/** One run: what it starts from, and how long it may take. */
export interface ReadOrder {
  readonly state: LogState | undefined;
  readonly nowMs: number;
  /** It stops after this time, with what it has; the next run goes on from there. */
  readonly budgetMs: number;
}

/**
 * Reads one log, run by run. A run is a function of the state and the files: what is kept between runs
 * are open files, which only help to find what was moved away.
 */
export class LogReader implements Disposable {
  readonly #settings: LogSettings;
  readonly #parser: LineParser;
  readonly #routes: RouteTable;
  readonly #buffer: Buffer;
  readonly #open = new OpenFiles();

  constructor(settings: LogSettings) {
    this.#settings = settings;
    this.#parser = compileLayout(settings.format, []);
    this.#routes = new RouteTable(settings.routes);
    this.#buffer = Buffer.allocUnsafeSlow(sliceBytes + settings.lineBytesMax);
  }

  /** Reads what came after `order.state`; stops early on abort, with what it has. */
  async read(order: ReadOrder, signal: AbortSignal): Promise<LogReading> {
    const endMs = performance.now() + order.budgetMs;
    const more = (): boolean => !signal.aborted && performance.now() < endMs;
    const counts = new RunCounts(this.#parser, this.#routes, this.#settings, order.nowMs);
    const segments = (order.state ?? emptyState).segments;
    const listing = listFiles(
      this.#settings.target,
      segments.map(({ path }) => path),
    );
    const placement = placeSegments(segments, listing.files, this.#open, (file, descriptor) =>
      order.state !== undefined || (file.live && this.#settings.start === 'beginning')
        ? 0
        : lastLineStart(descriptor, file.size, this.#settings.lineBytesMax),
    );
    const places: Place[] = [];
    const stayOpen = new Set<string>();
    for (const place of placement.places) {
      const segment = await this.#readPlace(place, counts.scanner, more);
      places.push({ ...place, segment });
      if (staysOpen(place.file, place.segment, segment)) stayOpen.add(segment.key);
    }
    this.#open.closeAllBut(stayOpen);
    return this.#reading(order, counts, { places, absent: placement.absent }, listing);
  }

  [Symbol.dispose](): void {
    this.#open[Symbol.dispose]();
  }

  async #readPlace(place: Place, scanner: LineScanner, more: () => boolean): Promise<SegmentState> {
    const { descriptor, segment, file } = place;
    let { position, inOversizeLine } = segment;
    let tail = tailAt(descriptor, position);
    while (more()) {
      const length = readSync(descriptor, this.#buffer, 0, this.#buffer.length, position);
      const bytes = this.#buffer.subarray(0, length);
      const ended = length < this.#buffer.length;
      const last = ended && isFinal(place, position + length);
      const scanned = scanner.scan(bytes, inOversizeLine, last);
      ({ inOversizeLine } = scanned);
      tail = advanceTail(tail, bytes.subarray(0, scanned.used));
      position += scanned.used;
      if (ended) break;
      await setImmediate();
      // Truncated under our hands: what follows is another content.
      if (!tailAt(descriptor, position).equals(tail)) break;
    }
    const size = Math.max(position, fstatSync(descriptor).size);
    return {
      ...segment,
      path: file.path || segment.path,
      key: file.key,
      position,
      tail: fingerprint(tail),
      size,
      live: file.live,
      inOversizeLine,
      absentRuns: 0,
    };
  }

  #reading(
    order: ReadOrder,
    counts: RunCounts,
    placement: Placement,
    listing: Listing,
  ): LogReading {
    const { state, nowMs } = order;
    const absent = placement.absent.map((segment) => ({
      ...segment,
      absentRuns: segment.absentRuns + 1,
    }));
    const gains = counts.gains();
    const { window, lastLineUnixMs } = state ?? emptyState;
    const active =
      counts.newestLineMs ?? (gains.lines.unparsed + gains.lines.oversize > 0 ? nowMs : undefined);
    const live = listing.files.find((file) => file.live);
    return {
      gains,
      state: {
        version: 1,
        segments: [...placement.places.map(({ segment }) => segment), ...remembered(absent)],
        lastLineUnixMs: active ?? lastLineUnixMs ?? live?.modifiedMs,
        window: advanceWindow(window, counts.tallies, this.#routes.names, counts.oldestSlot),
      },
      backlogBytes: sum(placement.places.map(({ segment }) => segment.size - segment.position)),
      newestLineMs: counts.newestLineMs,
      gaps: gapsOf(absent, listing),
      problem: problemOf(this.#settings.target, listing, placement),
    };
  }
}

/** Nothing will follow in a file that is no longer the log and has not grown since the last run. */
function isFinal({ file, segment }: Place, end: number): boolean {
  return !file.live && !segment.live && segment.size === end;
}

/** A live file, and one that is nowhere to be found while it grows or ends in an unfinished line. */
function staysOpen(file: LogFile, before: SegmentState, now: SegmentState): boolean {
  return file.live || (file.path === '' && (now.size !== before.size || now.size !== now.position));
}

/** Content that has been looked for long enough, if it may not have been read to its end. */
function gapsOf(absent: readonly SegmentState[], { files }: Listing): LogReading['gaps'] {
  const given = absent.filter(({ absentRuns }) => absentRuns === absentRunsMax);
  const truncated = given.filter(({ key }) => files.some((file) => file.key === key));
  const removed = given.filter(
    (segment) => !truncated.includes(segment) && (segment.live || segment.size > segment.position),
  );
  return {
    truncated: truncated.length,
    removed: removed.length,
    lostBytes: sum([...truncated, ...removed].map(({ size, position }) => size - position)),
  };
}

/** What is looked for still, and the latest of what has been given up, in case it returns. */
function remembered(absent: readonly SegmentState[]): SegmentState[] {
  return absent
    .filter(({ position }) => position > 0)
    .sort((a, b) => a.absentRuns - b.absentRuns)
    .slice(0, absentMax);
}

function problemOf(
  target: string,
  { problem, files }: Listing,
  { places }: Placement,
): LogProblem | undefined {
  if (problem?.code === 'ENOENT') return { kind: 'missing', message: `${target} does not exist` };
  if (problem !== undefined) return { kind: 'unreadable', message: problem.message };
  if (places.some(({ file }) => file.live)) return undefined;
  const path = files.find((file) => file.live)?.path ?? target;
  return { kind: 'unreadable', message: `cannot open ${path}: ${accessProblem(path)}` };
}

function accessProblem(path: string): string {
  try {
    accessSync(path, constants.R_OK);
    return 'it changes too fast';
  } catch {
    return 'permission denied; let the agent run in the group that may read it (often adm)';
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
