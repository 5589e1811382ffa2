import { backslashes, quotes } from '../bytes/byte-finder.ts';
import { isEscaped } from './field-readers.ts';
import { type JsonFormat, type Role, roles } from './format.ts';
import { type LineParser, ParsedLine } from './line.ts';
import { RoleReader } from './role-reader.ts';

const space = 0x20;
const quote = 0x22;
const comma = 0x2c;
const dash = 0x2d;
const dot = 0x2e;
const zero = 0x30;
const colon = 0x3a;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const words = ['true', 'false', 'null'].map((word) => Buffer.from(word));
const depthMax = 32;

/** A key that is looked for, or leads to one that is. */
interface Key {
  readonly text: Buffer;
  readonly keys: Key[];
  role: Role | undefined;
  configured: number;
}

/** Parses lines that are JSON objects, over their bytes. `configured` are paths of keys with numbers. */
export function compileJson(format: JsonFormat, configured: readonly string[]): LineParser {
  return new JsonParser(format, configured);
}

class JsonParser implements LineParser {
  readonly line: ParsedLine;
  readonly mayStall = false;
  readonly #reader: RoleReader;
  readonly #keys: readonly Key[];
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  #end = 0;
  /** Whether a text or key that may be looked for is written with escapes. */
  #hasEscapes = false;

  constructor(format: JsonFormat, configured: readonly string[]) {
    this.line = new ParsedLine(configured.length);
    this.#reader = new RoleReader(this.line, format.unit);
    this.#keys = keyTree(format, configured);
  }

  begin(bytes: Buffer): void {
    quotes.begin(bytes);
    backslashes.begin(bytes);
    this.#reader.begin(bytes);
  }

  parse(bytes: Buffer, start: number, end: number): boolean {
    this.line.reset();
    this.line.bytes = bytes;
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.#hasEscapes = false;
    if (this.#next() !== openBrace || !this.#object(this.#keys, 0)) return false;
    this.#next();
    if (this.#at !== end) return false;
    return !this.#hasEscapes || this.#readUnescaped(start, end);
  }

  /** The next byte that is no space; -1 at the end of the line. */
  #next(): number {
    while (this.#at < this.#end && isSpace(this.#bytes[this.#at])) this.#at++;
    return this.#at < this.#end ? (this.#bytes[this.#at] ?? -1) : -1;
  }

  #object(keys: readonly Key[], depth: number): boolean {
    this.#at++;
    if (this.#next() === closeBrace) return this.#skip();
    for (;;) {
      if (this.#next() !== quote) return false;
      const start = this.#at + 1;
      const end = this.#stringEnd();
      if (end < 0) return false;
      if (this.#isWithEscapes(start, end)) this.#hasEscapes = true;
      const key = find(keys, this.#bytes, start, end);
      if (this.#next() !== colon) return false;
      this.#at++;
      if (!this.#value(key, depth)) return false;
      const then = this.#next();
      if (then === closeBrace) return this.#skip();
      if (then !== comma) return false;
      this.#at++;
    }
  }

  #array(depth: number): boolean {
    this.#at++;
    if (this.#next() === closeBracket) return this.#skip();
    for (;;) {
      if (!this.#value(undefined, depth)) return false;
      const then = this.#next();
      if (then === closeBracket) return this.#skip();
      if (then !== comma) return false;
      this.#at++;
    }
  }

  #skip(): true {
    this.#at++;
    return true;
  }

  #value(key: Key | undefined, depth: number): boolean {
    const first = this.#next();
    if (first === openBrace) return depth < depthMax && this.#object(key?.keys ?? [], depth + 1);
    if (first === openBracket) return depth < depthMax && this.#array(depth + 1);
    const start = first === quote ? this.#at + 1 : this.#at;
    const end = first === quote ? this.#stringEnd() : this.#plainEnd(first);
    if (end < 0) return false;
    if (key === undefined) return true;
    const none = first !== quote && first !== dash && !isDigit(first);
    return none || this.#take(key, start, end);
  }

  #take({ role, configured }: Key, start: number, end: number): boolean {
    if (configured >= 0) this.#reader.readConfigured(configured, this.#bytes, start, end);
    if (role === undefined) return true;
    if (this.#isWithEscapes(start, end)) this.#hasEscapes = true;
    return this.#hasEscapes || this.#reader.read(role, this.#bytes, start, end);
  }

  #isWithEscapes(start: number, end: number): boolean {
    return backslashes.next(start) < end;
  }

  /** The quote that ends the string at `#at`, which is moved behind it; -1 where there is none. */
  #stringEnd(): number {
    const start = this.#at + 1;
    for (let from = start; ;) {
      const end = quotes.next(from);
      if (end >= this.#end) return -1;
      this.#at = end + 1;
      if (!isEscaped(this.#bytes, start, end)) return end;
      from = end + 1;
    }
  }

  /** Where the number or word at `#at` ends, which is moved there; -1 where there is none. */
  #plainEnd(first: number): number {
    if (first === dash || isDigit(first)) return this.#numberEnd();
    for (const word of words) {
      const end = this.#at + word.length;
      if (end > this.#end || word.compare(this.#bytes, this.#at, end) !== 0) continue;
      this.#at = end;
      return end;
    }
    return -1;
  }

  #numberEnd(): number {
    if (this.#bytes[this.#at] === dash) this.#at++;
    const leadingZero = this.#bytes[this.#at] === zero;
    const digits = this.#digits();
    if (digits === 0 || (leadingZero && digits > 1)) return -1;
    if (this.#bytes[this.#at] === dot) {
      this.#at++;
      if (this.#digits() === 0) return -1;
    }
    if (((this.#bytes[this.#at] ?? 0) | 0x20) === 0x65 && this.#at < this.#end) {
      this.#at++;
      const sign = this.#bytes[this.#at];
      if (sign === dash || sign === 0x2b) this.#at++;
      if (this.#digits() === 0) return -1;
    }
    return this.#at;
  }

  #digits(): number {
    const start = this.#at;
    while (this.#at < this.#end && isDigit(this.#bytes[this.#at] ?? 0)) this.#at++;
    return this.#at - start;
  }

  /** Reads the line once more, the slow way, and what it says from a buffer with the texts as they are. */
  #readUnescaped(start: number, end: number): boolean {
    const object = tryParse(this.#bytes.toString('utf8', start, end));
    if (object === undefined) return false;
    const found = valuesOf(this.#keys, object);
    this.line.reset();
    this.line.bytes = Buffer.from(found.map(({ text }) => text).join(''));
    this.#reader.begin(this.line.bytes);
    let at = 0;
    let fits = true;
    for (const { key, text } of found) {
      const stop = at + Buffer.byteLength(text);
      if (key.configured >= 0)
        this.#reader.readConfigured(key.configured, this.line.bytes, at, stop);
      if (key.role !== undefined) fits &&= this.#reader.read(key.role, this.line.bytes, at, stop);
      at = stop;
    }
    this.#reader.begin(this.#bytes);
    return fits;
  }
}

/** `request.uri` is looked for as the key uri in the object request, and as a key with a dot. */
function keyTree(format: JsonFormat, configured: readonly string[]): readonly Key[] {
  const root: Key[] = [];
  for (const role of roles) {
    const path = format.keys[role];
    for (const key of path === undefined ? [] : ends(root, path)) key.role = role;
  }
  for (const [index, path] of configured.entries()) {
    for (const key of ends(root, path)) key.configured = index;
  }
  return root;
}

function ends(root: Key[], path: string): Key[] {
  const last = path.split('.').reduce<{ keys: Key[]; key?: Key }>(
    ({ keys }, text) => {
      const key = child(keys, text);
      return { keys: key.keys, key };
    },
    { keys: root },
  );
  return [...new Set([child(root, path), last.key ?? child(root, path)])];
}

function child(keys: Key[], name: string): Key {
  const text = Buffer.from(name);
  const present = keys.find((key) => key.text.equals(text));
  if (present !== undefined) return present;
  const key: Key = { text, keys: [], role: undefined, configured: -1 };
  keys.push(key);
  return key;
}

function find(keys: readonly Key[], bytes: Buffer, start: number, end: number): Key | undefined {
  for (const key of keys) {
    if (key.text.length === end - start && key.text.compare(bytes, start, end) === 0) return key;
  }
  return undefined;
}

function valuesOf(
  keys: readonly Key[],
  object: object,
): { readonly key: Key; readonly text: string }[] {
  return Object.entries(object).flatMap(([name, value]) => {
    const key = keys.find(({ text }) => text.equals(Buffer.from(name)));
    if (key === undefined) return [];
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return valuesOf(key.keys, value);
    return typeof value === 'string' ? [{ key, text: value }] : [];
  });
}

/** The object of a line, with numbers as they are written; undefined where it is none. */
function tryParse(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text, asWritten);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The engine hands a reviver also what a number was read from (ES2026); the types do not know yet. */
function asWritten(_: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === 'number' ? context?.source : value;
}

function isSpace(byte: number | undefined): boolean {
  return byte === space || byte === 0x09 || byte === 0x0d || byte === 0x0a;
}

function isDigit(byte: number): boolean {
  return byte >= zero && byte <= 0x39;
}
