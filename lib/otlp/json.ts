import { isUtf8 } from 'node:buffer';
import { DecodeError } from '#lib/protobuf/reader';
import { type AnyValue, type AttributeBuilder, flattenValue, setOwn } from './attributes.ts';
import { TooManyError, valueDepthMax } from './limits.ts';

/**
 * The JSON encoding of OTLP: protobuf's JSON mapping with camelCase names, enums as integers and
 * 64-bit integers as strings or numbers (opentelemetry-proto specification, "JSON Protobuf
 * Encoding"). Null means absent, unknown fields are ignored, a value of another type throws
 * DecodeError.
 */
export type JsonObject = Readonly<Record<string, unknown>>;

/** A number of 16 digits or more may be beyond 2^53: only then is the slower, exact way worth it. */
const longNumber = /[:,[]\s*-?\d{16}/;
/** At most 64 bits, so that no input can make a huge bigint. */
const integerLiteral = /^-?\d{1,20}$/;

/** Parsed, `[],[],[]` takes forty times its length; real requests stay far below this. */
const structuresMax = 1_000_000;

/** Parses JSON whose top level is an object; integers beyond 2^53 become bigint. */
export function parseJson(bytes: Uint8Array): JsonObject {
  if (hasTooManyStructures(bytes)) {
    throw new TooManyError(`more than ${structuresMax} arrays and objects in one message`);
  }
  if (!isUtf8(bytes)) throw new DecodeError('cannot decode JSON: it is not UTF-8');
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  let value: unknown;
  try {
    value = longNumber.test(text) ? JSON.parse(text, keepExact) : JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message.slice(0, 200) : 'invalid';
    throw new DecodeError(`cannot decode JSON: ${why}`, { cause: error });
  }
  if (!isObject(value)) throw mismatch('the request', 'an object');
  return value;
}

/** Counts brackets, also those in strings. */
function hasTooManyStructures(bytes: Uint8Array): boolean {
  if (bytes.length <= structuresMax) return false;
  let count = 0;
  for (let index = 0; index < bytes.length; index += 1) {
    if (bytes[index] === 0x5b || bytes[index] === 0x7b) count += 1;
  }
  return count > structuresMax;
}

function keepExact(_key: string, value: unknown, context?: { source?: string }): unknown {
  const source = context?.source;
  const isExact = typeof value !== 'number' || Number.isSafeInteger(value);
  return isExact || source === undefined || !integerLiteral.test(source) ? value : BigInt(source);
}

/** An embedded message; an absent one is empty. */
export function objectOf(value: unknown, what: string): JsonObject {
  if (value === undefined || value === null) return {};
  if (!isObject(value)) throw mismatch(what, 'an object');
  return value;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function listOf(value: unknown, what: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw mismatch(what, 'an array');
  return value;
}

export function textOf(value: unknown, what: string): string {
  if (value === undefined || value === null) return '';
  if (typeof value !== 'string') throw mismatch(what, 'a string');
  return value;
}

export function booleanOf(value: unknown, what: string): boolean {
  if (value === undefined || value === null) return false;
  if (typeof value !== 'boolean') throw mismatch(what, 'true or false');
  return value;
}

/** A double: a number, or NaN, Infinity, -Infinity or a number as a string; undefined when absent. */
export function doubleOf(value: unknown, what: string): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'bigint') return Number(value);
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof number !== 'number' || (Number.isNaN(number) && value !== 'NaN')) {
    throw mismatch(what, 'a number');
  }
  return number;
}

/** A 64-bit integer, given as a string or a number; undefined when absent. */
export function integerOf(value: unknown, what: string): bigint | undefined {
  if (value === undefined || value === null) return undefined;
  const integer = exactIntegerOf(value);
  if (integer === undefined) throw mismatch(what, 'an integer');
  if (integer < -(2n ** 63n) || integer >= 2n ** 64n) throw mismatch(what, 'a 64-bit integer');
  return integer;
}

function exactIntegerOf(value: unknown): bigint | undefined {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number' && Number.isInteger(value)) return BigInt(value);
  return typeof value === 'string' && integerLiteral.test(value) ? BigInt(value) : undefined;
}

/** An enum or a 32-bit integer; 0 when absent. */
export function smallIntegerOf(value: unknown, what: string): number {
  return Number(BigInt.asUintN(32, integerOf(value, what) ?? 0n));
}

/** Adds the KeyValue objects of a list. */
export function readJsonAttributes(list: unknown, into: AttributeBuilder): void {
  for (const element of listOf(list, 'attributes')) {
    const pair = objectOf(element, 'attribute');
    into.add(textOf(pair['key'], 'key'), flattenValue(anyValueOf(pair['value'], 0)));
  }
}

/** Reads an AnyValue object. */
export function anyValueOf(json: unknown, depth: number): AnyValue {
  if (depth > valueDepthMax) {
    throw new DecodeError(`cannot decode attribute: nested deeper than ${valueDepthMax}`);
  }
  const value = objectOf(json, 'value');
  for (const [name, read] of anyValueReaders) {
    const member = value[name];
    if (member !== undefined && member !== null) return read(member, depth);
  }
  return null;
}

/** One for each member of AnyValue's oneof. Bytes are base64 in JSON, and text here anyway. */
const anyValueReaders: readonly (readonly [
  string,
  (member: unknown, depth: number) => AnyValue,
])[] = [
  ['stringValue', (member) => textOf(member, 'stringValue')],
  ['boolValue', (member) => booleanOf(member, 'boolValue')],
  ['intValue', (member) => attributeInteger(member)],
  ['doubleValue', (member) => doubleOf(member, 'doubleValue') ?? null],
  ['arrayValue', arrayOf],
  ['kvlistValue', mapOf],
  ['bytesValue', (member) => textOf(member, 'bytesValue')],
];

function attributeInteger(member: unknown): AnyValue {
  const integer = BigInt.asIntN(64, integerOf(member, 'intValue') ?? 0n);
  return Number.isSafeInteger(Number(integer)) ? Number(integer) : integer;
}

function arrayOf(member: unknown, depth: number): AnyValue {
  return listOf(objectOf(member, 'arrayValue')['values'], 'values').map((value) =>
    anyValueOf(value, depth + 1),
  );
}

function mapOf(member: unknown, depth: number): AnyValue {
  const map: { [key: string]: AnyValue } = {};
  for (const element of listOf(objectOf(member, 'kvlistValue')['values'], 'values')) {
    const pair = objectOf(element, 'value');
    setOwn(map, textOf(pair['key'], 'key'), anyValueOf(pair['value'], depth + 1));
  }
  return map;
}

function mismatch(what: string, expected: string): DecodeError {
  return new DecodeError(`cannot decode JSON: ${what} is not ${expected}`);
}

/** A time in nanoseconds since the epoch; 0 when absent. */
export function nanosecondsOf(value: unknown, what: string): bigint {
  return BigInt.asUintN(64, integerOf(value, what) ?? 0n);
}
