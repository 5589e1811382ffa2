import { type Field, type Layout, type Role, type Shape } from './format.ts';
import { type LineParser, ParsedLine, numberSlots, spanSlots } from './line.ts';
import { clfLength, iso8601Length, readClf, readIso8601, readUnix } from './timestamps.ts';

/*
 * An nginx log_format becomes a list of steps, one a field: how to find its end, and what to make of
 * it. The list is run over the bytes of each line. Two rules make it exact and linear:
 *
 * - A field ends at the first occurrence of the whole literal that follows it; there is no going
 *   back. Where that literal starts with a quote, a quote behind an odd number of backslashes is
 *   part of the text (Apache and escape=json write `\"`; nginx itself writes `\x22`).
 * - Quotes are far apart, so they are searched for natively; where the last search ended is
 *   remembered, so that lines that lack a quote do not search the rest of the buffer again and again.
 */

const space = 0x20;
const quote = 0x22;
const comma = 0x2c;
const dash = 0x2d;
const dot = 0x2e;
const zero = 0x30;
const backslash = 0x5c;

const powers = Array.from({ length: 20 }, (_, digits) => 10 ** digits);
/** What `readNumber` gives for a text that is no number. */
const invalid = Number.NEGATIVE_INFINITY;

interface Step {
  readonly shape: Shape;
  /** Bytes the field always has, or 0. */
  readonly length: number;
  /** Where its result goes: an index into `spans` or `numbers`, or -1. */
  readonly slot: number;
  /** Where it goes as a configured number, or -1. */
  readonly configuredSlot: number;
  /** What 1 is worth in the unit of `slot`. */
  readonly factor: number;
  /** The literal that follows the field. */
  readonly literal: Uint8Array;
}

/** Compiles a layout. `configured` names the fields whose numbers are kept besides those with a role. */
export function compileLayout(layout: Layout, configured: readonly string[]): LineParser {
  return new LayoutParser(layout, configured);
}

class LayoutParser implements LineParser {
  readonly line: ParsedLine;
  readonly #prefix: Uint8Array;
  readonly #steps: readonly Step[];
  /** No quote lies from `#quoteFrom` to before `#quoteAt`. */
  #quoteFrom = 0;
  #quoteAt = -1;
  /** The last time that was read, as text and as an instant: most lines have that of the line before. */
  readonly #timeText = Buffer.alloc(32);
  #timeLength = 0;
  #timeMs = Number.NaN;

  constructor(layout: Layout, configured: readonly string[]) {
    this.line = new ParsedLine(configured.length);
    this.#prefix = Buffer.from(layout.fields[0]?.before ?? '');
    this.#steps = layout.fields.map(({ field }, index) =>
      compileField(field, layout.fields[index + 1]?.before ?? layout.after, configured),
    );
  }

  begin(): void {
    this.#quoteFrom = 0;
    this.#quoteAt = -1;
  }

  parse(bytes: Buffer, start: number, end: number): boolean {
    if (!matches(bytes, start, end, this.#prefix)) return false;
    let at = start + this.#prefix.length;
    for (const step of this.#steps) {
      const stop = this.#end(step, bytes, at, end);
      if (stop < 0 || !this.#read(step, bytes, at, stop)) return false;
      at = stop + step.literal.length;
    }
    return at === end;
  }

  /** Where the field that starts at `at` stops; -1 when its literal does not follow in this line. */
  #end(step: Step, bytes: Buffer, at: number, end: number): number {
    const { literal } = step;
    if (step.length > 0)
      return matches(bytes, at + step.length, end, literal) ? at + step.length : -1;
    if (literal.length === 0) return end;
    const first = literal[0];
    if (first === quote) return this.#endOfQuoted(literal, bytes, at, end);
    const last = end - literal.length;
    for (let stop = at; stop <= last; stop++) {
      if (bytes[stop] === first && matches(bytes, stop, end, literal)) return stop;
    }
    return -1;
  }

  #endOfQuoted(literal: Uint8Array, bytes: Buffer, at: number, end: number): number {
    for (let from = at; ;) {
      const stop = this.#nextQuote(bytes, from);
      if (stop >= end) return -1;
      if (!escaped(bytes, at, stop) && matches(bytes, stop, end, literal)) return stop;
      from = stop + 1;
    }
  }

  #nextQuote(bytes: Buffer, from: number): number {
    if (from >= this.#quoteFrom && from <= this.#quoteAt) return this.#quoteAt;
    const found = bytes.indexOf(quote, from);
    this.#quoteFrom = from;
    this.#quoteAt = found < 0 ? bytes.length : found;
    return this.#quoteAt;
  }

  /** Reads one field; false when its text is not of its shape. */
  #read(step: Step, bytes: Buffer, at: number, stop: number): boolean {
    switch (step.shape) {
      case 'text':
        if (step.slot >= 0) this.#span(step.slot, at, stop);
        return true;
      case 'request':
        if (step.slot >= 0) this.#request(bytes, at, stop);
        return true;
      case 'status':
        return stop - at === 3 && this.#number(step, bytes, at, stop);
      case 'number':
        return this.#number(step, bytes, at, stop);
      case 'measure':
        this.#measure(step, bytes, at, stop);
        return true;
      case 'numbers':
        return this.#sum(step, bytes, at, stop);
      case 'clf':
      case 'iso8601':
      case 'unix':
        return this.#time(step, bytes, at, stop);
    }
  }

  #span(slot: number, at: number, stop: number): void {
    this.line.spans[slot] = at;
    this.line.spans[slot + 1] = stop;
  }

  /** What is not `METHOD URI…` (a TLS hello on a plain port, an empty request) has neither. */
  #request(bytes: Buffer, at: number, stop: number): void {
    let afterMethod = at;
    while (afterMethod < stop && isUpper(bytes[afterMethod])) afterMethod++;
    const found = afterMethod > at && afterMethod + 1 < stop && bytes[afterMethod] === space;
    this.#span(spanSlots.method, found ? at : -1, afterMethod);
    this.#span(spanSlots.uri, found ? afterMethod + 1 : -1, stop);
  }

  #number(step: Step, bytes: Buffer, at: number, stop: number): boolean {
    const value = readNumber(bytes, at, stop, step.factor);
    if (value === invalid) return false;
    this.#keep(step, value);
    return true;
  }

  /** A text that a configuration wants as a number; where it is none, the line is a line all the same. */
  #measure(step: Step, bytes: Buffer, at: number, stop: number): void {
    const value = readNumber(bytes, at, stop, step.factor);
    this.#keep(step, value === invalid ? Number.NaN : value);
  }

  /** `0.120, 0.003 : 0.007`, with `-` for an upstream that did not answer. */
  #sum(step: Step, bytes: Buffer, at: number, stop: number): boolean {
    let sum = Number.NaN;
    for (let from = at; ;) {
      let to = from;
      while (to < stop && bytes[to] !== comma && bytes[to] !== space) to++;
      const value = readNumber(bytes, from, to, step.factor);
      if (value === invalid) return false;
      if (!Number.isNaN(value)) sum = Number.isNaN(sum) ? value : sum + value;
      if (to === stop) break;
      const separator = bytes[to] === comma ? ', ' : ' : ';
      if (bytes.toString('latin1', to, to + separator.length) !== separator) return false;
      from = to + separator.length;
      if (from >= stop) return false;
    }
    this.#keep(step, sum);
    return true;
  }

  #keep(step: Step, value: number): void {
    if (step.slot >= 0) this.line.numbers[step.slot] = value;
    if (step.configuredSlot >= 0) this.line.numbers[step.configuredSlot] = value / step.factor;
  }

  #time(step: Step, bytes: Buffer, at: number, stop: number): boolean {
    if (!this.#sameTime(bytes, at, stop)) {
      const text = bytes.toString('latin1', at, stop);
      const read =
        step.shape === 'clf' ? readClf : step.shape === 'iso8601' ? readIso8601 : readUnix;
      const timeMs = read(text);
      if (Number.isNaN(timeMs)) return false;
      this.#timeMs = timeMs;
      this.#timeLength = this.#timeText.write(text, 'latin1');
    }
    if (step.slot >= 0) this.line.numbers[step.slot] = this.#timeMs;
    return true;
  }

  #sameTime(bytes: Buffer, at: number, stop: number): boolean {
    if (stop - at !== this.#timeLength) return false;
    for (let index = this.#timeLength - 1; index >= 0; index--) {
      if (bytes[at + index] !== this.#timeText[index]) return false;
    }
    return true;
  }
}

const lengths: Partial<Record<Shape, number>> = {
  clf: clfLength,
  iso8601: iso8601Length,
  status: 3,
};

function compileField(field: Field, following: string, configured: readonly string[]): Step {
  const index = configured.indexOf(field.name);
  return {
    shape: index >= 0 && field.shape === 'text' ? 'measure' : field.shape,
    length: lengths[field.shape] ?? 0,
    slot: slotOf(field.role),
    configuredSlot: index < 0 ? -1 : numberSlots.first + index,
    factor: field.role === 'duration' || field.role === 'upstream' ? 1000 : 1,
    literal: Buffer.from(following),
  };
}

function slotOf(role: Role | undefined): number {
  switch (role) {
    case 'client':
    case 'method':
    case 'uri':
    case 'connection':
      return spanSlots[role];
    case 'status':
    case 'sent':
      return numberSlots[role];
    case 'time':
      return numberSlots.timeMs;
    case 'duration':
      return numberSlots.durationMs;
    case 'upstream':
      return numberSlots.upstreamMs;
    case 'request':
      return spanSlots.method;
    case undefined:
      return -1;
  }
}

function matches(bytes: Buffer, at: number, end: number, literal: Uint8Array): boolean {
  if (at + literal.length > end) return false;
  for (let index = 0; index < literal.length; index++) {
    if (bytes[at + index] !== literal[index]) return false;
  }
  return true;
}

/** Whether the quote at `at` stands behind an odd number of backslashes that start at `from` or later. */
function escaped(bytes: Buffer, from: number, at: number): boolean {
  let backslashes = 0;
  while (at - backslashes > from && bytes[at - backslashes - 1] === backslash) backslashes++;
  return backslashes % 2 === 1;
}

function isUpper(byte: number | undefined): boolean {
  return byte !== undefined && ((byte >= 0x41 && byte <= 0x5a) || byte === dash || byte === 0x5f);
}

/**
 * `12`, `-12`, `0.147`, times `factor`; NaN for `-`, which stands for none; `invalid` for anything
 * else, or more than 18 digits. Multiplied or divided once, so that 0.069 s are 69 ms and not more.
 */
function readNumber(bytes: Buffer, start: number, end: number, factor: number): number {
  const negative = bytes[start] === dash;
  if (negative && end - start === 1) return Number.NaN;
  const first = negative ? start + 1 : start;
  let point = -1;
  let value = 0;
  for (let at = first; at < end; at++) {
    const digit = (bytes[at] ?? 0) - zero;
    if (digit >= 0 && digit <= 9) value = value * 10 + digit;
    else if (digit === dot - zero && point < 0 && at > first && at + 1 < end) point = at;
    else return invalid;
  }
  if (end === first || end - first > 19) return invalid;
  const power = point < 0 ? 1 : (powers[end - point - 1] ?? 1);
  const scaled = factor >= power ? value * (factor / power) : value / (power / factor);
  return negative ? -scaled : scaled;
}
