import {
  LineCounter,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  parseDocument,
  type Document,
  type ErrorCode,
  type Node,
  type Pair,
  type YAMLError,
  type YAMLMap,
} from 'yaml';
import type { Mistake } from './mistake.ts';
import { isMap as isPlainMap, joinPath, type Key, type Origin, type Origins } from './origins.ts';
import { maskTraps, trapMessage } from './traps.ts';

/**
 * Reads YAML 1.2 (with `<<` merges) into plain values whose places are kept in `origins`. Mistakes
 * never quote the text, which may hold secrets. Undefined where the text cannot be read at all.
 */
export function readSource(
  { file, text }: { readonly file: string; readonly text: string },
  origins: Origins,
  report: (mistake: Mistake) => void,
): unknown {
  const { document, lines } = parse(text);
  const fatal = document.errors.filter(({ code }) => !recoverable.includes(code));
  const shown = fatal.length > 0 ? fatal : [...document.errors, ...document.warnings];
  const seenLines = new Set<number>();
  for (const error of shown) {
    const { line, col } = lines.linePos(error.pos[0]);
    // A mistake confuses the rest of its line, so that only the first one there says something.
    if (seenLines.has(line)) continue;
    seenLines.add(line);
    report({ file, line, column: col, path: '', message: syntaxMessage(error, text) });
  }
  if (fatal.length > 0) return undefined;
  return new Reader({ file, document, lines, origins, report }).read();
}

/** Parses, masking traps one after the other until none explains an error any more. */
function parse(text: string): { document: Document.Parsed; lines: LineCounter } {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const masked = maskTraps(text, document.errors);
  return masked === text ? { document, lines } : parse(masked);
}

const recoverable: readonly ErrorCode[] = ['DUPLICATE_KEY', 'TAG_RESOLVE_FAILED'];

/** In our words, never quoting: the library's message tells cases of one code apart. */
function syntaxMessage({ code, message, pos }: YAMLError, text: string): string {
  if (code === 'BAD_SCALAR_START') return `a value that starts with ${text[pos[0]]} must be quoted`;
  const found = syntaxMessages.find((known) => known.code === code && known.case.test(message));
  return found?.says ?? 'not valid YAML here; check indentation, brackets and quotes';
}

const syntaxMessages: readonly { code: ErrorCode; case: RegExp; says: string }[] = [
  { code: 'BAD_ALIAS', case: /^/, says: 'a value that starts with * must be quoted' },
  { code: 'BAD_DQ_ESCAPE', case: /^/, says: 'unknown escape in double quotes; use single quotes' },
  { code: 'BAD_INDENT', case: /^Flow/, says: 'a bracket above is not closed' },
  { code: 'BAD_INDENT', case: /^/, says: 'wrong indentation: keys of one map start in one column' },
  {
    code: 'BLOCK_AS_IMPLICIT_KEY',
    case: /^/,
    says: 'a value that contains ": " must be quoted; or the next line is indented too far',
  },
  {
    code: 'DUPLICATE_KEY',
    case: /^/,
    says: 'this key is given twice in the same map; keep one',
  },
  { code: 'MISSING_CHAR', case: /quote/, says: 'a quote above is not closed' },
  { code: 'MISSING_CHAR', case: /indicator/, says: 'wrong indentation, or a - is missing' },
  { code: 'MISSING_CHAR', case: /^/, says: 'a colon and a space are missing after this key' },
  {
    code: 'MULTIPLE_DOCS',
    case: /^/,
    says: 'a file holds one document; remove ---, or use include: for several files',
  },
  { code: 'TAB_AS_INDENT', case: /^/, says: 'a tab cannot indent; use spaces' },
  {
    code: 'TAG_RESOLVE_FAILED',
    case: /^/,
    says: 'tags (!name) are not supported; quote a value that starts with !',
  },
];

interface ReaderOptions {
  readonly file: string;
  readonly document: Document.Parsed;
  readonly lines: LineCounter;
  readonly origins: Origins;
  readonly report: (mistake: Mistake) => void;
}

/** In place of an alias that leads nowhere, or into itself. */
const misread = Symbol('misread');
const misreadMessage = 'there is no such anchor above; quote a value that starts with *';

/** One pass over the nodes of a document. */
class Reader {
  readonly #options: ReaderOptions;
  /** Anchored nodes are made once, so that aliases share them; undefined while a node is being made. */
  readonly #made = new Map<Node, unknown>();

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  read(): unknown {
    const { contents } = this.#options.document;
    return contents === null ? null : this.#value(contents, this.#origin(contents, '', contents));
  }

  /** Undefined for no node, and for one that is still being made. */
  #value(node: unknown, origin: Origin): unknown {
    if (isAlias(node)) return this.#aliased(node, origin);
    if (isScalar(node)) return node.value;
    if (!isMap(node) && !isSeq(node)) return undefined;
    if (this.#made.has(node)) return this.#made.get(node);
    this.#made.set(node, undefined);
    const made = isMap(node) ? this.#map(node, origin) : this.#list(node.items, origin);
    this.#made.set(node, made);
    return made;
  }

  #aliased(node: { resolve(document: Document): unknown }, origin: Origin): unknown {
    const target = node.resolve(this.#options.document);
    return this.#value(target, origin) ?? (isScalar(target) ? null : misread);
  }

  #list(items: readonly unknown[], self: Origin): unknown[] {
    const made: unknown[] = [];
    this.#options.origins.add(made, self);
    for (const [index, item] of items.entries()) {
      made.push(this.#member(made, { key: index, node: item, keyNode: item }, self.path));
    }
    return made;
  }

  #map(map: YAMLMap, self: Origin): Record<string, unknown> {
    const made: Record<string, unknown> = {};
    this.#options.origins.add(made, self);
    for (const pair of map.items) {
      if (isMerge(pair)) this.#merge(made, pair, self);
      else this.#put(made, pair, self);
    }
    return made;
  }

  #put(made: Record<string, unknown>, { key, value }: Pair, self: Origin): void {
    const name = keyName(key);
    if (name === undefined || name === '__proto__') {
      this.#report(this.#origin(key, self.path, key), 'a key must be a plain word');
      return;
    }
    const member = this.#member(made, { key: name, node: value ?? key, keyNode: key }, self.path);
    made[name] = value === null ? null : member;
  }

  /** `<<: *anchor` or a list of them: keys that the map itself does not give. */
  #merge(made: Record<string, unknown>, { key, value }: Pair, self: Origin): void {
    const origin = this.#origin(value ?? key, joinPath(self.path, '<<'), key);
    const merged = this.#value(value, origin);
    for (const source of Array.isArray(merged) ? merged : [merged]) {
      if (isPlainMap(source)) this.#inherit(made, source);
      else
        this.#report(origin, 'after << comes an alias of a map, such as *base, or a list of them');
    }
  }

  #inherit(made: Record<string, unknown>, source: Readonly<Record<string, unknown>>): void {
    for (const [name, inherited] of Object.entries(source)) {
      if (Object.hasOwn(made, name)) continue;
      made[name] = inherited;
      const origin = this.#options.origins.ofMember(source, name);
      if (origin !== undefined) this.#options.origins.addMember(made, name, origin);
    }
  }

  #member(
    container: object,
    { key, node, keyNode }: { key: Key; node: unknown; keyNode: unknown },
    path: string,
  ): unknown {
    const origin = this.#origin(node, joinPath(path, key), keyNode);
    const value = this.#value(node, origin);
    const trap = value === misread ? misreadMessage : trapMessage(value);
    if (trap !== undefined) this.#report(origin, trap);
    const known = trap === undefined ? origin : { ...origin, unresolved: true as const };
    this.#options.origins.addMember(container, key, known);
    return value;
  }

  #origin(node: unknown, path: string, keyNode: unknown): Origin {
    const { line, col } = this.#options.lines.linePos(start(node));
    const key = this.#options.lines.linePos(start(keyNode));
    return {
      file: this.#options.file,
      line,
      column: col,
      path,
      keyLine: key.line,
      keyColumn: key.col,
      plain: isScalar(node) && node.type === 'PLAIN',
    };
  }

  #report({ file, line, column, path }: Origin, message: string): void {
    this.#options.report({ file, line, column, path, message });
  }
}

function isMerge({ key }: Pair): boolean {
  return isScalar(key) && key.source === '<<' && key.type === 'PLAIN';
}

function keyName(key: unknown): string | undefined {
  if (!isScalar(key)) return undefined;
  return key.source ?? String(key.value);
}

function start(node: unknown): number {
  const range =
    typeof node === 'object' && node !== null && 'range' in node ? node.range : undefined;
  return Array.isArray(range) && typeof range[0] === 'number' ? range[0] : 0;
}
