/*
 * What a backend refuses for good, kept on disk with the reason, one file a sink.
 *
 * The file is JSON lines, so that a person can read it: the first names format and version, each other
 * is one letter, its points and log records as OTLP protobuf in base64. A line counts from its newline
 * on: what a crash left of the last one is cut off when the file is opened, and a line that is damaged
 * costs nothing but itself.
 *
 * `NAME.jsonl` takes new letters until it holds half of what is allowed; then it replaces
 * `NAME.jsonl.old`, whose letters are lost, and counted.
 */
import { existsSync } from 'node:fs';
import { constants, type FileHandle, open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clock } from '#lib/clock';
import { makeDirectory, syncDirectory } from '#lib/durable-directory';
import { encodeLogs } from '#lib/otlp/logs';
import { encodeMetrics } from '#lib/otlp/metrics';
import type { Batch } from '../sinks/sink.ts';

export interface DeadLettersOptions {
  readonly directory: string;
  /** The sink's name in the configuration. */
  readonly sink: string;
  /** What both files may hold together; 1 GiB when absent. */
  readonly bytesMax?: number;
  readonly clock: Clock;
}

export interface DeadLetter {
  readonly batch: Batch;
  readonly reason: string;
  /** The backend probably has it already. */
  readonly repeated: boolean;
}

/** What is in the files, and what had to be dropped since the start. */
export interface DeadLettersStatistics {
  readonly letters: number;
  readonly bytes: number;
  readonly droppedLetters: number;
}

const bytesMaxByDefault = 1024 ** 3;
const header = `${JSON.stringify({ format: 'farpoint dead letters', version: 1 })}\n`;
const newline = 0x0a;

/** One file, open for writing after its last whole line. */
interface LetterFile {
  readonly handle: FileHandle;
  bytes: number;
  letters: number;
}

/** The dead letters of one sink. One process at a time, and one `add` at a time. */
export class DeadLetters implements AsyncDisposable {
  readonly #options: DeadLettersOptions;
  readonly #path: string;
  readonly #oldPath: string;
  #file: LetterFile | undefined;
  #old: Pick<LetterFile, 'bytes' | 'letters'> = { bytes: 0, letters: 0 };
  #droppedLetters = 0;

  private constructor(options: DeadLettersOptions) {
    this.#options = options;
    const name = join(options.directory, encodeURIComponent(options.sink));
    this.#path = `${name}.jsonl`;
    // No sink can be called so that its letters are here.
    this.#oldPath = `${name}.jsonl.old`;
  }

  /** Rejects when a file there is not of a format this program knows; it is left as it is. */
  static async open(options: DeadLettersOptions): Promise<DeadLetters> {
    await makeDirectory(options.directory);
    const deadLetters = new DeadLetters(options);
    if (existsSync(deadLetters.#oldPath)) {
      const old = await openFile(deadLetters.#oldPath);
      await old.handle.close();
      deadLetters.#old = old;
    }
    deadLetters.#file = await openFile(deadLetters.#path);
    return deadLetters;
  }

  get statistics(): DeadLettersStatistics {
    const { bytes = 0, letters = 0 } = this.#file ?? {};
    return {
      letters: letters + this.#old.letters,
      bytes: bytes + this.#old.bytes,
      droppedLetters: this.#droppedLetters,
    };
  }

  /** Durable when it resolves; rejects with the disk's own error, and may then be repeated. */
  async add(letter: DeadLetter): Promise<void> {
    const line = Buffer.from(this.#lineOf(letter));
    const file = await this.#fileWithRoom(line.byteLength);
    try {
      await append(file, line);
    } catch (error) {
      // Opened again, it loses what was written of the line.
      this.#file = undefined;
      await file.handle.close();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file?.handle.close();
  }

  async #fileWithRoom(bytes: number): Promise<LetterFile> {
    this.#file ??= await openFile(this.#path);
    const { letters, bytes: used } = this.#file;
    const { bytesMax = bytesMaxByDefault } = this.#options;
    if (letters > 0 && used + bytes > bytesMax / 2) await this.#rotate(this.#file);
    this.#file ??= await openFile(this.#path);
    return this.#file;
  }

  async #rotate(full: LetterFile): Promise<void> {
    this.#file = undefined;
    await full.handle.close();
    await rename(this.#path, this.#oldPath);
    this.#droppedLetters += this.#old.letters;
    this.#old = full;
  }

  #lineOf({ batch, reason, repeated }: DeadLetter): string {
    const { clock, sink } = this.#options;
    const letter = {
      time: new Date(clock.unixMs()).toISOString(),
      sink,
      reason,
      repeated,
      points: batch.points.length,
      logs: batch.logs.length,
      first: describe(batch),
      otlpMetrics: Buffer.from(encodeMetrics(batch.points)).toString('base64'),
      otlpLogs: Buffer.from(encodeLogs(batch.logs)).toString('base64'),
    };
    return `${JSON.stringify(letter)}\n`;
  }
}

async function openFile(path: string): Promise<LetterFile> {
  const handle = await open(path, constants.O_RDWR | constants.O_CREAT);
  try {
    const { bytes, lines } = await wholeLines(handle);
    if (lines === 0) return await beginFile(handle, path);
    await checkHeader(handle, path);
    await handle.truncate(bytes);
    return { handle, bytes, letters: lines - 1 };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** How many lines have their newline, and where the last of them ends. */
async function wholeLines(handle: FileHandle): Promise<{ bytes: number; lines: number }> {
  const chunks: AsyncIterable<Buffer> = handle.createReadStream({ start: 0, autoClose: false });
  let [bytes, lines, position] = [0, 0, 0];
  for await (const chunk of chunks) {
    for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, at + 1)) {
      bytes = position + at + 1;
      lines += 1;
    }
    position += chunk.byteLength;
  }
  return { bytes, lines };
}

async function append(file: LetterFile, line: Buffer): Promise<void> {
  const { bytesWritten } = await file.handle.write(line, 0, line.byteLength, file.bytes);
  if (bytesWritten < line.byteLength) throw new Error('the disk took only a part of a dead letter');
  await file.handle.datasync();
  file.bytes += line.byteLength;
  file.letters += 1;
}

async function beginFile(handle: FileHandle, path: string): Promise<LetterFile> {
  await handle.truncate(0);
  await handle.write(header, 0);
  await handle.sync();
  await syncDirectory(dirname(path));
  return { handle, bytes: Buffer.byteLength(header), letters: 0 };
}

async function checkHeader(handle: FileHandle, path: string): Promise<void> {
  const { buffer } = await handle.read(Buffer.alloc(header.length), 0, header.length, 0);
  if (buffer.toString() === header) return;
  throw new Error(
    `cannot use ${path}: it does not begin with ${header.trim()}. It was written by another version ` +
      'of Farpoint, or is damaged: move it away, or run the version that wrote it.',
  );
}

/** Which data they are, in a line for a person. */
function describe({ points: [point], logs: [log] }: Batch): string {
  const item = point ?? log;
  if (item === undefined) return '';
  const time = new Date(Number(item.timeUnixNano / 1_000_000n)).toISOString();
  const attributes = Object.entries({ ...item.resource, ...item.attributes });
  const labels = attributes.map(([name, value]) => `${name}=${JSON.stringify(String(value))}`);
  return `${point?.name ?? 'log'}{${labels.join(', ')}} ${time}`;
}
