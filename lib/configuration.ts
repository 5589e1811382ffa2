import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { type FindOptions, validate, type Finding } from './configuration/issues.ts';
import { ConfigurationError, formatMistake, type Mistake } from './configuration/mistake.ts';
import {
  isContainer,
  isMap,
  member,
  Origins,
  type Container,
  type Key,
  type Origin,
} from './configuration/origins.ts';
import { readSource } from './configuration/source.ts';
import { reason, substitute, type References } from './configuration/substitution.ts';

export { ConfigurationError, formatMistake, suggestion } from './configuration/mistake.ts';
export { type References } from './configuration/substitution.ts';
export { isMap } from './configuration/origins.ts';

/** A map of keys as it stands in a file, with its places kept by the reading it came from. */
export type Section = Readonly<Record<string, unknown>>;

export interface Validated<Shape extends z.ZodRawShape> {
  /** Undefined where any key has a mistake or is not known. */
  readonly all: z.output<z.ZodObject<Shape>> | undefined;
  readonly sound: Partial<z.output<z.ZodObject<Shape>>>;
}

/**
 * One reading of a configuration, from one file or several. It collects every mistake and fails only
 * at the end, in `fail`, so that an author sees all of them at once.
 */
export class ConfigurationReading {
  readonly #references: References;
  readonly #origins = new Origins();
  readonly #mistakes: Mistake[] = [];

  constructor(references: References) {
    this.#references = references;
  }

  /** The top of a file, nothing substituted yet; undefined (and a mistake) where it cannot be read. */
  open(file: string): Section | undefined {
    const report = (mistake: Mistake): void => void this.#mistakes.push(mistake);
    const fail = (message: string, line = 1): undefined =>
      void this.#mistakes.push({ file, line, column: 1, path: '', message });
    let bytes: Buffer;
    try {
      bytes = readFileSync(file);
    } catch (error) {
      return fail(`cannot read the file: ${reason(error)}`);
    }
    if (!isUtf8(bytes)) return fail('not UTF-8; save the file in that encoding', badLine(bytes));
    const content = readSource({ file, text: bytes.toString() }, this.#origins, report);
    if (content === undefined || isMap(content)) return content;
    return fail(content === null ? 'the file is empty' : 'expected keys, such as version: 1');
  }

  /** A section's keys that `wanted` accepts, with their places. */
  pick(section: Section, wanted: (key: string) => boolean): Section {
    const picked: Record<string, unknown> = {};
    this.#origins.add(picked, this.#origins.locate(section, []));
    for (const [key, value] of Object.entries(section).filter(([key]) => wanted(key))) {
      picked[key] = value;
      const origin = this.#origins.ofMember(section, key);
      if (origin !== undefined) this.#origins.addMember(picked, key, origin);
    }
    return picked;
  }

  /** A copy with every `${…}` replaced. A key whose unquoted reference turned out empty is left out. */
  substitute(section: Section): Section {
    const copy: Record<string, unknown> = {};
    this.#origins.add(copy, this.#origins.locate(section, []));
    for (const key of Object.keys(section)) {
      const { value, origin } = this.#substituted(section, key);
      if (value === null && origin?.reference !== undefined) continue;
      copy[key] = value;
      if (origin !== undefined) this.#origins.addMember(copy, key, origin);
    }
    return copy;
  }

  /** Validates a section; undefined, and mistakes, where it is not what the schema wants. */
  validate<Schema extends z.ZodType>(
    schema: Schema,
    section: Section,
    options?: FindOptions,
  ): z.output<Schema> | undefined {
    const result = validate(schema, section, options);
    if ('output' in result) return result.output;
    for (const finding of result.findings) this.#judge(section, finding);
    return undefined;
  }

  /**
   * Validates a section, and gives those of its keys that are as they should be even where others are
   * not, so that they can be judged further.
   */
  validateKeys<Shape extends z.ZodRawShape>(
    shape: Shape,
    section: Section,
    options?: FindOptions,
  ): Validated<Shape> {
    const schema = z.strictObject(shape);
    const result = validate(schema, section, options);
    if ('output' in result) return { all: result.output, sound: result.output };
    for (const finding of result.findings) this.#judge(section, finding);
    const wrong = new Set(result.findings.map(({ path }) => path[0]));
    const rest = this.pick(section, (key) => !wrong.has(key));
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the same keys, all of them valid
    const sound = schema.partial().parse(rest) as Validated<Shape>['sound'];
    return { all: undefined, sound };
  }

  /** Notes what is wrong below a section. Values that were substituted are shown as they were written. */
  mistake(section: Section, path: readonly Key[], message: string): void {
    const origin = this.#origins.locate(section, path);
    this.#mistakes.push({ ...place(origin), message: this.#redact(section, path, message) });
  }

  /** `file:line` of something, to point at from elsewhere. */
  where(section: Section, path: readonly Key[]): string {
    const { file, line } = this.#origins.locate(section, path);
    return `${file}:${line}`;
  }

  /** Whether the value is known: not when a mistake was already noted for it, nor while unresolved. */
  isKnown(section: Section, path: readonly Key[]): boolean {
    return this.#origins.locate(section, path).unresolved === undefined;
  }

  get failed(): boolean {
    return this.#mistakes.length > 0;
  }

  /** Throws a ConfigurationError with every mistake, in the order of files and lines. */
  fail(): never {
    // What several aliases share is read once for each of them.
    const distinct = new Map(this.#mistakes.map((mistake) => [formatMistake(mistake), mistake]));
    throw new ConfigurationError(
      [...distinct.values()].toSorted(
        (left, right) =>
          left.file.localeCompare(right.file) ||
          left.line - right.line ||
          left.column - right.column,
      ),
    );
  }

  #substituted(
    container: Container,
    key: Key,
  ): { readonly value: unknown; readonly origin: Origin | undefined } {
    const value = member(container, key);
    const origin = this.#origins.ofMember(container, key);
    if (isMap(value)) return { value: this.substitute(value), origin };
    if (Array.isArray(value)) return { value: this.#substitutedList(value), origin };
    if (typeof value !== 'string' || origin === undefined) return { value, origin };
    const result = substitute(value, { plain: origin.plain, references: this.#references });
    switch (result.kind) {
      case 'literal':
        return { value: result.text, origin };
      case 'substituted':
        return { value: result.value, origin: { ...origin, reference: value } };
      case 'mistake':
        this.#mistakes.push({ ...place(origin), message: result.message });
        break;
      case 'unresolved':
        break;
    }
    return { value, origin: { ...origin, unresolved: true } };
  }

  #substitutedList(list: readonly unknown[]): unknown[] {
    const copy: unknown[] = [];
    this.#origins.add(copy, this.#origins.locate(list, []));
    for (const index of list.keys()) {
      const { value, origin } = this.#substituted(list, index);
      copy.push(value);
      if (origin !== undefined) this.#origins.addMember(copy, index, origin);
    }
    return copy;
  }

  #judge(section: Section, { path, message, atKey, combined }: Finding): void {
    const origin = this.#origins.locate(section, path);
    if (origin.unresolved === true) return;
    if (combined && this.#leaves(section, path).some((leaf) => leaf.origin.unresolved === true)) {
      return;
    }
    const { keyLine: line, keyColumn: column } = origin;
    this.#mistakes.push({
      ...place(atKey ? { ...origin, line, column } : origin),
      message: this.#redact(section, path, message),
    });
  }

  /** The message, with values at this path that came from outside replaced by their references. */
  #redact(section: Section, path: readonly Key[], message: string): string {
    return this.#leaves(section, path).reduce(
      (shown, { origin: { reference }, value }) =>
        reference !== undefined && value.length >= redactedLengthMin
          ? shown.replaceAll(value, reference)
          : shown,
      message,
    );
  }

  /** Every scalar at or below a path. */
  #leaves(section: Section, path: readonly Key[]): readonly Leaf[] {
    const value = path.reduce(member, section as unknown);
    if (!isContainer(value)) {
      return [{ origin: this.#origins.locate(section, path), value: String(value) }];
    }
    const keys = Array.isArray(value) ? [...value.keys()] : Object.keys(value);
    return keys.flatMap((key) => this.#leaves(section, [...path, key]));
  }
}

interface Leaf {
  readonly origin: Origin;
  readonly value: string;
}

/** A shorter text is no secret, and would blank out parts of words. */
const redactedLengthMin = 4;

function place({ file, line, column, path }: Origin): Omit<Mistake, 'message'> {
  return { file, line, column, path };
}

/** The first line that is not UTF-8. */
function badLine(bytes: Buffer): number {
  const lines = bytes.toString('latin1').split('\n');
  return lines.findIndex((line) => !isUtf8(Buffer.from(line, 'latin1'))) + 1;
}
