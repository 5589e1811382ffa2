import { setTimeout as delay } from 'node:timers/promises';
import { Inspector, matchCompressed, newCompressed, oldCompressed } from './follower/compressed.ts';
import { type Listing, type LogFile, listFiles } from './follower/files.ts';
import { GzipContent } from './follower/gzip-content.ts';
import { type Gaps, type LogProblem, problemOf, settleAbsent } from './follower/losses.ts';
import { OpenFiles } from './follower/open-files.ts';
import { type Place, type Start, placeSegments, withCopy } from './follower/placement.ts';
import { fingerprint, lastLineStart, tailAt } from './follower/segment.ts';
import { type Reading, readCompressed, readPlain } from './follower/segment-reading.ts';
import type { ReaderSettings } from './reader-settings.ts';
import type { SegmentState } from './state.ts';

/** How often a log that is gone for a moment is looked for. */
const lookAgainMs = 50;

/** Where everything is after a run. */
export interface Followed {
  readonly segments: readonly SegmentState[];
  readonly backlogBytes: number;
  readonly gaps: Gaps;
  readonly problem: LogProblem | undefined;
  /** When the log was last written to. */
  readonly modifiedMs: number | undefined;
}

/**
 * Follows one log through its files. A run is a function of the segments and the files. What is kept
 * between runs only helps: open files, to read to its end what was moved away, and how far compressed
 * ones are unpacked.
 */
export class Follower implements Disposable {
  readonly #settings: ReaderSettings;
  readonly #open = new OpenFiles();
  readonly #inspector = new Inspector();
  readonly #unpacking = new Map<string, GzipContent>();

  constructor(settings: ReaderSettings) {
    this.#settings = settings;
  }

  /** Reads what came after the positions of the segments; there are none at the very first run. */
  async follow(segments: readonly SegmentState[] | undefined, reading: Reading): Promise<Followed> {
    const first = segments === undefined;
    const listing = await this.#list(segments ?? [], reading.signal);
    const { places, absent, strangers } = placeSegments(
      segments ?? [],
      listing.files,
      this.#open,
      this.#start(first),
    );
    const contents: Contents = {
      placed: [],
      absent: [...absent],
      inUse: new Set(),
      unsettled: false,
      damaged: 0,
      keys: new Set(listing.files.map(({ key }) => key)),
    };
    for (const place of places) await this.#read(place, contents, reading);
    for (const file of strangers) await this.#lookInto(file, contents, { ...reading, first });
    this.#keep(contents, strangers);
    const { remembered, gaps } = settleAbsent(contents.absent, listing, contents.unsettled);
    return {
      segments: [...contents.placed, ...remembered],
      backlogBytes: contents.placed.reduce((sum, segment) => sum + backlogOf(segment), 0),
      gaps: { ...gaps, damaged: contents.damaged },
      problem: problemOf(this.#settings.target, listing, contents.placed),
      modifiedMs: listing.files.find((file) => file.live)?.modifiedMs,
    };
  }

  [Symbol.dispose](): void {
    this.#open[Symbol.dispose]();
  }

  /** Gives a log that was there at the last run a moment to return: between a rename and its reopening it has no name. */
  async #list(segments: readonly SegmentState[], signal: AbortSignal): Promise<Listing> {
    const { target, rotated, missingGraceMs } = this.#settings;
    const paths = segments.map(({ path }) => path);
    const wasThere = segments.some((segment) => segment.live && segment.absentRuns === 0);
    const endMs = performance.now() + (wasThere ? missingGraceMs : 0);
    for (;;) {
      const listing = listFiles(target, rotated, paths);
      if (listing.problem?.code !== 'ENOENT' || performance.now() >= endMs || signal.aborted)
        return listing;
      await delay(lookAgainMs);
    }
  }

  /** What is there at the very first run is old, unless it is asked for. */
  #start(first: boolean): Start {
    const { start, lineBytesMax } = this.#settings;
    return (file, descriptor) =>
      !first || start === 'beginning' ? 0 : lastLineStart(descriptor, file.size, lineBytesMax);
  }

  async #read(place: Place, contents: Contents, reading: Reading): Promise<void> {
    const segment = place.file.compressed
      ? await this.#unpack(place, contents, reading)
      : await readPlain(place, reading);
    contents.placed.push(segment);
    if (staysOpen(place, segment)) contents.inUse.add(segment.key);
  }

  async #unpack(place: Place, contents: Contents, reading: Reading): Promise<SegmentState> {
    const { segment, file, descriptor } = place;
    if (descriptor === undefined)
      return { ...segment, path: file.path, live: false, absentRuns: 0 };
    const kept = this.#unpacking.get(file.key);
    const content = kept && kept.position <= segment.position ? kept : new GzipContent(descriptor);
    this.#unpacking.set(file.key, content);
    const { segment: read, next, damaged } = await readCompressed(place, content, reading);
    if (next !== 'more') this.#unpacking.delete(file.key);
    if (damaged) contents.damaged++;
    return read;
  }

  /** Finds out what an unknown compressed file is, and reads of it what is not read yet. */
  async #lookInto(
    file: LogFile,
    contents: Contents,
    reading: Reading & { readonly first: boolean },
  ): Promise<void> {
    const descriptor = this.#open.open(file);
    if (descriptor === undefined) return;
    const { placed, absent } = contents;
    if (reading.first && this.#settings.start === 'end') {
      placed.push(await oldCompressed(file, descriptor));
      return;
    }
    const inspection = await this.#inspector.inspect(
      file,
      descriptor,
      [...placed, ...absent],
      reading.signal,
    );
    if (inspection === undefined) {
      contents.inUse.add(file.key);
      contents.unsettled = true;
      return;
    }
    const match = matchCompressed(inspection, {
      placed,
      absent,
      tailOf: (segment, position) => this.#tailOf(segment, position),
      isEmptied: ({ live, key }) => live && contents.keys.has(key),
    });
    switch (match.kind) {
      case 'unfinished':
        return;
      case 'copy':
        replace(placed, match.segment, withCopy(match.segment, file));
        replace(absent, match.segment, withCopy(match.segment, file));
        return;
      case 'moved':
        absent.splice(absent.indexOf(match.segment), 1);
        await this.#read(
          { segment: { ...match.segment, size: 0 }, file, descriptor },
          contents,
          reading,
        );
        return;
      case 'new':
        await this.#read({ segment: newCompressed(file), file, descriptor }, contents, reading);
    }
  }

  #tailOf(segment: SegmentState, position: number): string | undefined {
    const descriptor = this.#open.open(segment);
    return descriptor === undefined ? undefined : fingerprint(tailAt(descriptor, position));
  }

  /** Closes and forgets what the next run has no use for. */
  #keep({ inUse }: Contents, strangers: readonly LogFile[]): void {
    this.#open.closeAllBut(inUse);
    this.#inspector.keep(new Set(strangers.map(({ key }) => key)));
    for (const key of this.#unpacking.keys()) if (!inUse.has(key)) this.#unpacking.delete(key);
  }
}

/** The segments while a run works on them. */
interface Contents {
  readonly placed: SegmentState[];
  readonly absent: SegmentState[];
  /** Keys of all files that were found. */
  readonly keys: ReadonlySet<string>;
  /** Keys of files that stay open. */
  readonly inUse: Set<string>;
  /** Whether there was no time to look into a file, in which an absent segment may be. */
  unsettled: boolean;
  /** How many compressed files were given up. */
  damaged: number;
}

/**
 * A live file stays open; so does one that is being unpacked, and one that is nowhere to be found while
 * it grows or ends in an unfinished line.
 */
function staysOpen({ file, segment: before }: Place, now: SegmentState): boolean {
  if (file.compressed) return !now.ended;
  return file.live || (file.path === '' && (now.size !== before.size || now.size !== now.position));
}

/** Of a compressed file its packed size, for want of a better number. */
function backlogOf({ ended, size, position }: SegmentState): number {
  return ended ? 0 : Math.max(0, size - position);
}

function replace<T>(list: T[], from: T, to: T): void {
  const index = list.indexOf(from);
  if (index >= 0) list[index] = to;
}
