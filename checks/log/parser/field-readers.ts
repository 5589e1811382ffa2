import { readClf, readIso8601, readTime, readUnix } from './timestamps.ts';

/* What the parsers read the fields of a line with. */

const space = 0x20;
const comma = 0x2c;
const dash = 0x2d;
const dot = 0x2e;
const zero = 0x30;
const colon = 0x3a;
const backslash = 0x5c;
const underscore = 0x5f;

/** Whether the byte at `at` stands behind an odd number of backslashes that start at `from` or later. */
export function isEscaped(bytes: Buffer, from: number, at: number): boolean {
  let backslashes = 0;
  while (at - backslashes > from && bytes[at - backslashes - 1] === backslash) backslashes++;
  return backslashes % 2 === 1;
}

/** Reads numbers as servers write them; remembers the last one. */
export class NumberReader {
  /** Its digits, as if there were no point. */
  #digits = 0;
  #fractionDigits = 0;

  /** Where the number that starts at `at` ends; `at` where there is none. More than 15 digits are none. */
  end(bytes: Buffer, at: number, end: number): number {
    let digits = 0;
    let point = -1;
    let stop = at;
    for (; stop < end; stop++) {
      const digit = (bytes[stop] ?? 0) - zero;
      if (digit >= 0 && digit <= 9) digits = digits * 10 + digit;
      else if (digit === dot - zero && point < 0 && stop > at) point = stop;
      else break;
    }
    if (point === stop - 1) stop = point;
    this.#digits = digits;
    this.#fractionDigits = point < 0 || point === stop ? 0 : stop - point - 1;
    const digitsRead = stop - at - (this.#fractionDigits > 0 ? 1 : 0);
    return digitsRead > 15 ? at : stop;
  }

  /** Whether the bytes are a number, or a dash or nothing, which stand for none and are kept as NaN. */
  whole(bytes: Buffer, at: number, end: number): boolean {
    const none = end === at || (end === at + 1 && bytes[at] === dash);
    if (!none) return this.end(bytes, at, end) === end;
    this.#digits = Number.NaN;
    this.#fractionDigits = 0;
    return true;
  }

  /** The number that the bytes are, with or without a sign; NaN where they are anything else. */
  any(bytes: Buffer, at: number, end: number): number {
    const negative = bytes[at] === dash;
    const start = negative ? at + 1 : at;
    if (end <= start || this.end(bytes, start, end) !== end) return Number.NaN;
    return negative ? -this.value(1) : this.value(1);
  }

  /** Where a list of numbers or dashes ends, which are added up; NaN where there is none. See `listSeparator`. */
  sumEnd(bytes: Buffer, at: number, end: number): number {
    let sumMilli = Number.NaN;
    let stop = at;
    for (let from = at; ; from = stop + listSeparator(bytes, stop, end)) {
      if (from === stop && from > at) break;
      const none = from < end && bytes[from] === dash;
      const next = none ? from + 1 : this.end(bytes, from, end);
      if (next === from) break;
      if (!none) sumMilli = (Number.isNaN(sumMilli) ? 0 : sumMilli) + this.value(1000);
      stop = next;
    }
    this.#digits = sumMilli / 1000;
    this.#fractionDigits = 0;
    return stop;
  }

  get isNone(): boolean {
    return Number.isNaN(this.#digits);
  }

  /** Multiplied or divided once, so that 0.069 s are 69 ms and not more. */
  value(factor: number): number {
    const power = powers[this.#fractionDigits] ?? 1;
    return factor >= power ? this.#digits * (factor / power) : this.#digits / (power / factor);
  }
}

const powers = Array.from({ length: 17 }, (_, digits) => 10 ** digits);

/** Reads dotted IPv4 addresses; remembers the last one. */
export class AddressReader {
  /** Its 32 bits, as a signed number. */
  address = 0;

  /** Where the address that starts at `at` ends; `at` where there is none, or one with leading zeros. */
  end(bytes: Buffer, at: number, end: number): number {
    let address = 0;
    let octet = 0;
    let octets = 1;
    let start = at;
    let stop = at;
    for (; stop < end; stop++) {
      const digit = (bytes[stop] ?? 0) - zero;
      if (digit >= 0 && digit <= 9) {
        octet = octet * 10 + digit;
        continue;
      }
      if (digit !== dot - zero || octets === 4) break;
      if (stop - start !== digitsIn(octet)) return at;
      address = (address << 8) | octet;
      octet = 0;
      octets++;
      start = stop + 1;
    }
    if (octets < 4 || stop - start !== digitsIn(octet)) return at;
    this.address = (address << 8) | octet;
    return stop;
  }
}

/** How many digits an octet is written with; -1 for what is none. */
function digitsIn(octet: number): number {
  if (octet < 10) return 1;
  if (octet < 100) return 2;
  return octet < 256 ? 3 : -1;
}

/** Where the first of a list ends whose members are separated by commas. */
export function firstOfList(bytes: Buffer, at: number, end: number): number {
  for (let stop = at; stop < end; stop++) if (bytes[stop] === comma) return stop;
  return end;
}

/** nginx lists the values of several upstreams with `, ` between attempts and ` : ` between groups. */
export function listSeparator(bytes: Buffer, at: number, end: number): number {
  if (at + 2 < end && bytes[at] === comma && bytes[at + 1] === space) return 2;
  const group =
    at + 3 < end && bytes[at] === space && bytes[at + 1] === colon && bytes[at + 2] === space;
  return group ? 3 : 0;
}

/** Reads times; most lines have that of the line before, so the last one is compared before any is read. */
export class TimeReader {
  timeMs = Number.NaN;
  readonly #last = Buffer.alloc(40);
  readonly #lastView = new DataView(this.#last.buffer, this.#last.byteOffset, this.#last.length);
  #lastLength = 0;
  #view: DataView = this.#lastView;

  begin(bytes: Buffer): void {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Whether the bytes are a time of this form; `timeMs` is that of the last that was. */
  read(bytes: Buffer, at: number, end: number, form: TimeForm): boolean {
    if (this.#isLast(at, end)) return true;
    if (end - at > this.#last.length) return false;
    const timeMs = readers[form](bytes.toString('latin1', at, end));
    if (Number.isNaN(timeMs)) return false;
    this.timeMs = timeMs;
    this.#lastLength = bytes.copy(this.#last, 0, at, end);
    return true;
  }

  #isLast(at: number, end: number): boolean {
    const length = this.#lastLength;
    if (end - at !== length || length < 8) return false;
    // As floats, eight bytes are compared at once; those of digits and signs are equal only if they are the same.
    for (let index = 0; index + 8 <= length; index += 8) {
      if (this.#view.getFloat64(at + index) !== this.#lastView.getFloat64(index)) return false;
    }
    return this.#view.getFloat64(end - 8) === this.#lastView.getFloat64(length - 8);
  }
}

/** `any` is whichever of them it looks like. */
export type TimeForm = 'clf' | 'iso8601' | 'unix' | 'any';
const readers = { clf: readClf, iso8601: readIso8601, unix: readUnix, any: readTime };

/** Where the method of a request line ends, before its space; `at` where there is none. */
export function methodEnd(bytes: Buffer, at: number, end: number): number {
  let stop = at;
  for (let byte = 0; stop < end; stop++) {
    byte = bytes[stop] ?? 0;
    if ((byte < 0x41 || byte > 0x5a) && byte !== dash && byte !== underscore) break;
  }
  return stop > at && stop + 1 < end && bytes[stop] === space ? stop : at;
}
