import {
  appendFileSync,
  closeSync,
  existsSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { methods } from '#checks/log/counts/methods';
import type { RequestGain } from '#checks/log/counts/gains';

/** Kinds of rotation that destroy nothing… */
export const losslessRotations = [
  'rename',
  'rename-compress',
  'rename-compress-at-once',
  'dated',
  'symlink',
  'glob',
  'away-and-back',
  'copytruncate-at-rest',
] as const;
/** …and those that destroy what is written at the wrong moment. */
export const lossyRotations = [
  'copytruncate',
  'copytruncate-compress',
  'copytruncate-hole',
  'empty',
  'remove',
] as const;
export type Rotation = (typeof losslessRotations)[number] | (typeof lossyRotations)[number];

const knownMethods = methods.slice(1);
const statuses = [999, 100, 200, 301, 404, 500];
const classNames = ['other', '1xx', '2xx', '3xx', '4xx', '5xx'];
/** Lines are told apart by route, method and status class: that is what comes back as counts. */
const linesPerRoute = knownMethods.length * statuses.length;
export const linesMax = 600;
export const worldRoutes = Array.from(
  { length: linesMax / linesPerRoute },
  (_, index) => `/r${index}`,
);
export const worldLineBytesMax = 400;

/** A server that writes a log, and whatever rotates it, one small step at a time. */
export class LogWorld implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'farpoint-log-'));
  readonly target: string;
  readonly written = { lines: 0, unparsed: 0, oversize: 0, bytes: 0 };
  readonly #random: () => number;
  readonly #rotation: Rotation;
  #log: string;
  #descriptor: number;
  /** Where a writer without O_APPEND goes on. */
  #offset = 0;
  #unfinished: Buffer = Buffer.alloc(0);
  #steps: (() => void)[] = [];
  #rotations = 0;
  #away = false;
  #looksWhileAway = 0;

  constructor(rotation: Rotation, random: () => number) {
    this.#random = random;
    this.#rotation = rotation;
    this.#log = join(
      this.folder,
      rotation === 'symlink' || rotation === 'glob' ? 'access-0.log' : 'access.log',
    );
    this.target = join(this.folder, rotation === 'glob' ? 'access-*.log' : 'access.log');
    this.#descriptor = this.#openLog();
    if (rotation === 'symlink') symlinkSync(this.#log, this.target);
  }

  /** Either the writer or the rotator does its next thing. */
  step(): void {
    if (this.#steps.length > 0 && this.#random() < 0.5) this.#steps.shift()?.();
    else if (this.#random() < 0.2) this.#startRotation();
    else this.#write();
  }

  /** The writer ends its line, and the rotator what it began. */
  finish(): void {
    this.#runSteps();
    this.#finishLine();
  }

  /** A reader looks. What is moved away must be back before it is given up. */
  look(): void {
    if (this.#away && ++this.#looksWhileAway > 2) this.#runSteps();
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
    rmSync(this.folder, { recursive: true });
  }

  #write(): void {
    if (this.#rotation === 'copytruncate-at-rest' && this.#steps.length > 0) return;
    if (this.#unfinished.length > 0) this.#finishLine();
    else if (this.#random() < 0.15) this.#beginLine();
    else {
      const lines = 1 + Math.floor(this.#random() * 6);
      this.#append(Buffer.concat(Array.from({ length: lines }, () => this.#makeLine())));
    }
  }

  #beginLine(): void {
    const line = this.#makeLine();
    const cut = Math.floor(this.#random() * line.length);
    this.#append(line.subarray(0, cut));
    this.#unfinished = line.subarray(cut);
  }

  #finishLine(): void {
    this.#append(this.#unfinished);
    this.#unfinished = Buffer.alloc(0);
  }

  #append(bytes: Buffer): void {
    if (this.#rotation === 'copytruncate-hole')
      writeSync(this.#descriptor, bytes, 0, bytes.length, this.#offset);
    else writeSync(this.#descriptor, bytes);
    this.#offset += bytes.length;
    this.written.bytes += bytes.length;
  }

  /** No two files start alike, nor do long lines: nobody could tell two files of one empty line each apart. */
  #makeLine(): Buffer {
    const kind = this.#random();
    const pad = 'x'.repeat(Math.floor(this.#random() * 60));
    if (kind < 0.1 || this.written.lines === linesMax) {
      const mayBeEmpty = fstatSync(this.#descriptor).size > 0;
      const garbage = kind < 0.02 && mayBeEmpty ? '' : `garbage ${this.written.unparsed} ${pad}`;
      this.written.unparsed++;
      return Buffer.from(`${garbage}\n`);
    }
    if (kind < 0.14) {
      const text = `long ${this.written.oversize++} `;
      const lengthMin = worldLineBytesMax + 1 + Math.floor(this.#random() * 1200);
      return Buffer.from(`${text.repeat(Math.ceil(lengthMin / text.length))}\n`);
    }
    const line = this.written.lines++;
    const method = knownMethods[line % knownMethods.length];
    const status = statuses[Math.floor(line / knownMethods.length) % statuses.length];
    const route = worldRoutes[Math.floor(line / linesPerRoute)];
    return Buffer.from(
      `192.0.2.1 - - [22/Nov/2026:10:00:00 +0000] "${method} ${route} HTTP/1.1" ${status} ${line} "-" "${pad}"\n`,
    );
  }

  #startRotation(): void {
    if (this.#steps.length > 0 || this.#rotations >= (this.#rotation === 'away-and-back' ? 1 : 5))
      return;
    this.#rotations++;
    this.#steps = this.#stepsOf(this.#rotation);
  }

  #stepsOf(rotation: Rotation): (() => void)[] {
    const reopen = (): void => this.#reopen();
    const shift = (): void => this.#shift();
    const rename = (): void => renameSync(this.#log, `${this.#log}.1`);
    switch (rotation) {
      case 'rename':
        return [shift, rename, reopen];
      case 'rename-compress':
        return [...this.#compress(), shift, rename, reopen];
      case 'rename-compress-at-once':
        return [shift, rename, reopen, ...this.#compress()];
      case 'dated':
        return [() => renameSync(this.#log, `${this.#log}-2026112${this.#rotations}`), reopen];
      case 'symlink':
        return [() => this.#nextName(), () => this.#switchLink(), reopen];
      case 'glob':
        return [() => this.#nextName(), reopen];
      case 'away-and-back':
        return [() => this.#moveAway(), () => this.#moveBack()];
      case 'copytruncate-at-rest':
        return [() => this.#finishLine(), shift, ...this.#copy(), () => this.#empty()];
      case 'copytruncate':
      case 'copytruncate-hole':
        return [shift, ...this.#copy(), () => this.#empty()];
      case 'copytruncate-compress':
        return [shift, ...this.#copy(), () => this.#empty(), ...this.#compress()];
      case 'empty':
        return [() => this.#empty()];
      case 'remove':
        return [() => unlinkSync(this.#log), reopen];
    }
  }

  #openLog(): number {
    this.#offset = 0;
    return openSync(this.#log, this.#rotation === 'copytruncate-hole' ? 'w' : 'a');
  }

  #reopen(): void {
    this.#finishLine();
    closeSync(this.#descriptor);
    this.#descriptor = this.#openLog();
  }

  #shift(): void {
    for (let age = this.#rotations; age > 0; age--) {
      for (const end of ['', '.gz']) {
        const from = `${this.#log}.${age}${end}`;
        if (existsSync(from)) renameSync(from, `${this.#log}.${age + 1}${end}`);
      }
    }
  }

  /** The newest rotated file, in steps: half of the packed file, all of it, and the end of the unpacked one. */
  #compress(): (() => void)[] {
    const from = `${this.#log}.1`;
    const half = (): void => {
      if (!existsSync(from)) return;
      const packed = gzipSync(readFileSync(from));
      writeFileSync(`${from}.gz`, packed.subarray(0, Math.floor(packed.length * this.#random())));
    };
    const rest = (): void => {
      if (!existsSync(from)) return;
      const packed = gzipSync(readFileSync(from));
      appendFileSync(`${from}.gz`, packed.subarray(statSync(`${from}.gz`).size));
    };
    return [half, rest, () => existsSync(from) && unlinkSync(from)];
  }

  #copy(): (() => void)[] {
    const to = `${this.#log}.1`;
    return [
      () =>
        writeFileSync(
          to,
          readFileSync(this.#log).subarray(
            0,
            Math.floor(this.#random() * statSync(this.#log).size),
          ),
        ),
      () => appendFileSync(to, readFileSync(this.#log).subarray(statSync(to).size)),
    ];
  }

  /** As truncate(1) does: who writes with O_APPEND goes on at the start, who does not leaves a hole. */
  #empty(): void {
    truncateSync(this.#log);
  }

  #nextName(): void {
    this.#log = join(this.folder, `access-${this.#rotations}.log`);
    closeSync(openSync(this.#log, 'a'));
  }

  #switchLink(): void {
    symlinkSync(this.#log, `${this.target}.new`);
    renameSync(`${this.target}.new`, this.target);
  }

  #moveAway(): void {
    this.#looksWhileAway = 0;
    this.#away = true;
    renameSync(this.#log, join(this.folder, 'elsewhere'));
  }

  #moveBack(): void {
    this.#away = false;
    renameSync(join(this.folder, 'elsewhere'), this.#log);
  }

  #runSteps(): void {
    while (this.#steps.length > 0) this.#steps.shift()?.();
  }
}

/** The line that a count of requests is of, as `makeLine` numbered it. */
export function lineOf({ route, method, statusClass }: RequestGain): number {
  const inRoute =
    classNames.indexOf(statusClass) * knownMethods.length +
    knownMethods.findIndex((name) => name === method);
  return worldRoutes.indexOf(route) * linesPerRoute + inRoute;
}
