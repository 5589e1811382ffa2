import { DecodeError, type ProtobufReader } from '#lib/protobuf/reader';
import type { ProtobufWriter } from '#lib/protobuf/writer';
import { type DecodeLimits, type Problem, valueDepthMax } from './limits.ts';
import type { Attributes, AttributeValue } from './model.ts';

/** Attributes as they are read, and the first thing that is wrong with them. */
export class AttributeBuilder {
  readonly values: Record<string, AttributeValue> = {};
  readonly #limits: DecodeLimits;
  readonly #countMax: number;
  #count = 0;
  #problem: Problem | undefined;

  constructor(limits: DecodeLimits, countMax = limits.attributes) {
    this.#limits = limits;
    this.#countMax = countMax;
  }

  get problem(): Problem | undefined {
    return this.#problem;
  }

  /** A key given twice keeps its last value. */
  add(key: string, value: AttributeValue): void {
    this.#count += 1;
    const problem = this.#problemOf(key, value);
    if (problem !== undefined) {
      this.#problem ??= problem;
      return;
    }
    setOwn(this.values, key, value);
  }

  /** A builder of the same content, to be added to on its own. */
  copy(): AttributeBuilder {
    const copy = new AttributeBuilder(this.#limits, this.#countMax);
    for (const [key, value] of Object.entries(this.values)) setOwn(copy.values, key, value);
    copy.#count = this.#count;
    copy.#problem = this.#problem;
    return copy;
  }

  #problemOf(key: string, value: AttributeValue): Problem | undefined {
    const { name, value: valueMax } = this.#limits;
    if (this.#count > this.#countMax) {
      return { reason: 'too_many_attributes', example: `more than ${this.#countMax} attributes` };
    }
    if (key === '') return { reason: 'malformed', example: 'an attribute without a key' };
    if (key.length > name) {
      return {
        reason: 'too_long',
        example: `attribute name of ${key.length} characters, the limit is ${name}`,
      };
    }
    if (typeof value === 'string' && value.length > valueMax) {
      return {
        reason: 'too_long',
        example: `attribute ${key} of ${value.length} characters, the limit is ${valueMax}`,
      };
    }
    return undefined;
  }
}

/** Reads one KeyValue message. */
export function readAttribute(reader: ProtobufReader, into: AttributeBuilder): void {
  const outer = reader.enter();
  let key = '';
  let value: AttributeValue = '';
  while (reader.more()) {
    switch (reader.field()) {
      case 1:
        key = reader.string();
        break;
      case 2:
        value = flattenValue(readAnyValue(reader, 0));
        break;
      default:
        reader.skip();
    }
  }
  reader.leave(outer);
  into.add(key, value);
}

/** Writes a repeated KeyValue field. */
export function writeAttributes(
  writer: ProtobufWriter,
  field: number,
  attributes: Attributes,
): void {
  for (const [key, value] of Object.entries(attributes)) {
    const pair = writer.begin(field);
    writer.string(1, key);
    writeAnyValue(writer, 2, value);
    writer.end(pair);
  }
}

/** Writes an AnyValue; a number that is a safe integer becomes an int, any other a double. */
export function writeAnyValue(writer: ProtobufWriter, field: number, value: AttributeValue): void {
  const message = writer.begin(field);
  if (typeof value === 'string') writer.string(1, value);
  else if (typeof value === 'boolean') writer.bool(2, value);
  else if (isInteger(value)) writer.int64(3, value);
  else writer.double(4, Number(value));
  writer.end(message);
}

function isInteger(value: number | bigint): boolean {
  return typeof value === 'bigint' || (Number.isSafeInteger(value) && !Object.is(value, -0));
}

/** An AnyValue as JavaScript has it; bytes are base64 text, no value at all is null. */
export type AnyValue = AttributeValue | null | AnyValue[] | { [key: string]: AnyValue };

/** Reads one AnyValue message. */
export function readAnyValue(reader: ProtobufReader, depth: number): AnyValue {
  if (depth > valueDepthMax) {
    throw new DecodeError(`cannot decode attribute: nested deeper than ${valueDepthMax}`);
  }
  const outer = reader.enter();
  let value: AnyValue = null;
  while (reader.more()) {
    switch (reader.field()) {
      case 1:
        value = reader.string();
        break;
      case 2:
        value = reader.bool();
        break;
      case 3:
        value = reader.int64();
        break;
      case 4:
        value = reader.double();
        break;
      case 5:
        value = readArray(reader, depth);
        break;
      case 6:
        value = readMap(reader, depth);
        break;
      case 7:
        value = reader.bytes().toString('base64');
        break;
      default:
        reader.skip();
    }
  }
  reader.leave(outer);
  return value;
}

function readArray(reader: ProtobufReader, depth: number): AnyValue[] {
  const outer = reader.enter();
  const values: AnyValue[] = [];
  while (reader.more()) {
    if (reader.field() === 1) values.push(readAnyValue(reader, depth + 1));
    else reader.skip();
  }
  reader.leave(outer);
  return values;
}

function readMap(reader: ProtobufReader, depth: number): { [key: string]: AnyValue } {
  const outer = reader.enter();
  const map: { [key: string]: AnyValue } = {};
  while (reader.more()) {
    if (reader.field() === 1) readMapEntry(reader, depth, map);
    else reader.skip();
  }
  reader.leave(outer);
  return map;
}

function readMapEntry(
  reader: ProtobufReader,
  depth: number,
  map: { [key: string]: AnyValue },
): void {
  const outer = reader.enter();
  let key = '';
  let value: AnyValue = null;
  while (reader.more()) {
    switch (reader.field()) {
      case 1:
        key = reader.string();
        break;
      case 2:
        value = readAnyValue(reader, depth + 1);
        break;
      default:
        reader.skip();
    }
  }
  reader.leave(outer);
  setOwn(map, key, value);
}

/** Arrays and maps as their JSON text, null as the empty string. */
export function flattenValue(value: AnyValue): AttributeValue {
  if (value === null) return '';
  if (typeof value !== 'object') return value;
  return JSON.stringify(value, (_key, nested: unknown) =>
    typeof nested === 'bigint' ? nested.toString() : nested,
  );
}

/** Sets a property even where its name means something to JavaScript. */
export function setOwn<Value>(into: Record<string, Value>, key: string, value: Value): void {
  if (key === '__proto__') {
    Object.defineProperty(into, key, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  } else into[key] = value;
}
