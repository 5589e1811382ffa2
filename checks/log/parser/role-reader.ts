import { AddressReader, NumberReader, TimeReader, methodEnd } from './field-readers.ts';
import { type DurationUnit, type Role, durationUnits } from './format.ts';
import { type ParsedLine, numberSlots, spanSlots } from './line.ts';

const dash = 0x2d;
const zero = 0x30;

/** Enters the texts of fields that have a role, as parsers of free formats find them, into a line. */
export class RoleReader {
  readonly #line: ParsedLine;
  readonly #unitMs: number;
  readonly #numbers = new NumberReader();
  readonly #addresses = new AddressReader();
  readonly #times = new TimeReader();

  constructor(line: ParsedLine, unit: DurationUnit) {
    this.#line = line;
    this.#unitMs = durationUnits[unit];
  }

  begin(bytes: Buffer): void {
    this.#times.begin(bytes);
  }

  /** False when the text from `at` to before `end` is not one for this role. */
  read(role: Role, bytes: Buffer, at: number, end: number): boolean {
    switch (role) {
      case 'client':
        this.#line.hasAddress = this.#addresses.end(bytes, at, end) === end && end > at;
        this.#line.address = this.#addresses.address;
        return this.#span(role, at, end);
      case 'method':
      case 'uri':
      case 'connection':
        return this.#span(role, at, end);
      case 'request': {
        const space = methodEnd(bytes, at, end);
        return (
          space === at || (this.#span('method', at, space) && this.#span('uri', space + 1, end))
        );
      }
      case 'status':
        return this.#status(bytes, at, end);
      case 'sent':
        return this.#number(numberSlots.sent, bytes, at, end);
      case 'duration':
        return this.#number(numberSlots.durationMs, bytes, at, end);
      case 'upstream':
        return this.#number(numberSlots.upstreamMs, bytes, at, end);
      case 'time':
        if (!this.#times.read(bytes, at, end, 'any')) return isNone(bytes, at, end);
        this.#line.numbers[numberSlots.timeMs] = this.#times.timeMs;
        return true;
    }
  }

  /** Keeps what a configuration wants as a number; where it is none, the line is a line all the same. */
  readConfigured(index: number, bytes: Buffer, at: number, end: number): void {
    const value = this.#numbers.any(bytes, at, end);
    this.#line.numbers[numberSlots.first + index] = Number.isNaN(value)
      ? withExponent(bytes.toString('latin1', at, end))
      : value;
  }

  #span(role: keyof typeof spanSlots, at: number, end: number): boolean {
    if (isNone(this.#line.bytes, at, end)) return true;
    this.#line.spans[spanSlots[role]] = at;
    this.#line.spans[spanSlots[role] + 1] = end;
    return true;
  }

  #status(bytes: Buffer, at: number, end: number): boolean {
    let status = 0;
    for (let index = at; index < end; index++) {
      const digit = (bytes[index] ?? 0) - zero;
      if (digit < 0 || digit > 9) return false;
      status = status * 10 + digit;
    }
    this.#line.status = status;
    return end - at === 3;
  }

  #number(slot: number, bytes: Buffer, at: number, end: number): boolean {
    const factor = slot === numberSlots.sent ? 1 : this.#unitMs;
    const value = this.#numbers.whole(bytes, at, end)
      ? this.#numbers.value(factor)
      : withExponent(bytes.toString('latin1', at, end)) * factor;
    this.#line.numbers[slot] = value;
    return value >= 0 || isNone(bytes, at, end);
  }
}

/** As some write JSON: `3.5e-05`. What would need more than 15 digits is none. */
function withExponent(text: string): number {
  const value = /^-?\d{1,15}(\.\d{1,15})?[eE][+-]?\d{1,3}$/.test(text) ? Number(text) : Number.NaN;
  return Math.abs(value) < 1e15 ? value : Number.NaN;
}

function isNone(bytes: Buffer, at: number, end: number): boolean {
  return end === at || (end === at + 1 && bytes[at] === dash);
}
