import { setImmediate } from 'node:timers/promises';
import { parseLogFormat, presets } from '#checks/log/parser/format';
import { LogReader, type ReadOrder } from '#checks/log/reader';
import type { ReaderSettings } from '#checks/log/reader-settings';
import type { LogReading } from '#checks/log/reading';
import type { LogState } from '#checks/log/state';
import { randomFrom } from '../random.ts';
import {
  LogWorld,
  type Rotation,
  lineOf,
  losslessRotations,
  worldLineBytesMax,
  worldRoutes,
} from './world.ts';

/** What came out of one schedule; empty where every line was accounted for as it must be. */
export type Violations = readonly string[];

/**
 * Lets a writer, a rotator and a reader do what the seed says: runs whose results reach the disk, runs
 * whose do not, runs cut short, runs during which the files change, and crashes of the reader. The
 * first run is before the first line, or anywhere and told to start at the beginning.
 */
export async function runSchedule(rotation: Rotation, seed: number): Promise<Violations> {
  const random = randomFrom(seed);
  using world = new LogWorld(rotation, random);
  const start = random() < 0.5 ? 'beginning' : 'end';
  using reader = new Restartable(settingsOf(world, start));
  const ledger = new Ledger();
  const run = async (): Promise<void> => {
    world.look();
    const order = { state: ledger.state, nowMs: Date.now(), budgetMs: 10_000, careful: false };
    const reading = await disturbed(reader.current, order, { world, random });
    if (random() < 0.2) reader.restart();
    if (random() < 0.8) ledger.enter(reading);
  };
  if (start === 'end') {
    const order = { state: undefined, nowMs: Date.now(), budgetMs: 10_000, careful: false };
    ledger.enter(await reader.current.read(order, neverAborted));
  }
  for (let turn = 0; turn < 10; turn++) {
    for (let steps = Math.floor(random() * 8); steps > 0; steps--) world.step();
    await run();
  }
  world.finish();
  for (let turn = 0; turn < 6; turn++) {
    const order = {
      state: ledger.state,
      nowMs: Date.now() + 60_000,
      budgetMs: 10_000,
      careful: false,
    };
    ledger.enter(await reader.current.read(order, neverAborted));
  }
  return ledger.compare(
    world,
    losslessRotations.some((lossless) => lossless === rotation),
  );
}

const neverAborted = new AbortController().signal;

/** A run during which the world may go on, and which may be cut short. */
async function disturbed(
  reader: LogReader,
  order: ReadOrder,
  { world, random }: { readonly world: LogWorld; readonly random: () => number },
): Promise<LogReading> {
  const controller = new AbortController();
  const running = reader.read(order, controller.signal);
  for (let pauses = Math.floor(random() * 4); pauses > 0; pauses--) {
    await setImmediate();
    if (random() < 0.5) world.step();
  }
  if (random() < 0.2) controller.abort();
  return running;
}

function settingsOf(world: LogWorld, start: ReaderSettings['start']): ReaderSettings {
  return {
    target: world.target,
    format: parseLogFormat(presets['nginx-combined']),
    routes: worldRoutes,
    start,
    rotated: [],
    values: [],
    lineBytesMax: worldLineBytesMax,
    clientsMax: 10,
    windowMs: 60_000,
    missingGraceMs: 0,
    sliceBytes: 1000,
  };
}

/** A reader that forgets everything but what was committed. */
class Restartable implements Disposable {
  readonly #settings: ReaderSettings;
  current: LogReader;

  constructor(settings: ReaderSettings) {
    this.#settings = settings;
    this.current = new LogReader(settings);
  }

  restart(): void {
    this.current[Symbol.dispose]();
    this.current = new LogReader(this.#settings);
  }

  [Symbol.dispose](): void {
    this.current[Symbol.dispose]();
  }
}

/** What the committed runs add up to. */
class Ledger {
  state: LogState | undefined;
  readonly #seen = new Map<number, number>();
  readonly #lines = { parsed: 0, unparsed: 0, oversize: 0 };
  readonly #bytes = { counted: 0, padding: 0 };
  readonly #gaps = { count: 0, lostBytes: 0 };

  enter({ state, gains, gaps }: LogReading): void {
    this.state = JSON.parse(JSON.stringify(state)) as LogState;
    for (const gain of gains.requests) {
      const line = lineOf(gain);
      this.#seen.set(line, (this.#seen.get(line) ?? 0) + gain.requests);
    }
    for (const outcome of ['parsed', 'unparsed', 'oversize'] as const) {
      this.#lines[outcome] += gains.lines[outcome];
      this.#bytes.counted += gains.bytes[outcome];
    }
    this.#bytes.padding += gains.bytes.padding;
    this.#gaps.count += gaps.truncated + gaps.removed + gaps.damaged;
    this.#gaps.lostBytes += gaps.lostBytes;
  }

  compare({ written }: LogWorld, lossless: boolean): Violations {
    const found: string[] = [];
    const expectThat = (holds: boolean, text: string): void => void (holds || found.push(text));
    const twice = [...this.#seen].filter(([, count]) => count > 1).map(([line]) => line);
    expectThat(twice.length === 0, `lines counted more than once: ${twice.join()}`);
    expectThat(
      this.#bytes.counted <= written.bytes,
      `${this.#bytes.counted} bytes of ${written.bytes}`,
    );
    const lostBytes = written.bytes - this.#bytes.counted;
    expectThat(
      this.#gaps.lostBytes <= lostBytes,
      `${this.#gaps.lostBytes} reported lost of ${lostBytes}`,
    );
    if (!lossless) return found;
    const missing = Array.from({ length: written.lines }, (_, line) => line).filter(
      (line) => !this.#seen.has(line),
    );
    expectThat(missing.length === 0, `lines not counted: ${missing.join()}`);
    expectThat(lostBytes === 0, `${lostBytes} bytes not counted`);
    expectThat(this.#bytes.padding === 0, `${this.#bytes.padding} bytes of padding`);
    expectThat(this.#gaps.count === 0, `${this.#gaps.count} gaps`);
    for (const [outcome, expected] of [
      ['parsed', written.lines],
      ['unparsed', written.unparsed],
      ['oversize', written.oversize],
    ] as const) {
      expectThat(
        this.#lines[outcome] === expected,
        `${this.#lines[outcome]} ${outcome} of ${expected}`,
      );
    }
    return found;
  }
}
