/** Where a value was written. */
export interface Origin {
  readonly file: string;
  /** From 1, of the value (of the key, where a key has no value). */
  readonly line: number;
  readonly column: number;
  /** Keys from the top of the file, for example `checks[2].name`. */
  readonly path: string;
  readonly keyLine: number;
  readonly keyColumn: number;
  /** Written without quotes, so that `${env:X}` takes the type its text would have there. */
  readonly plain: boolean;
  /** As written, where something was substituted: what may be shown instead of the value. */
  readonly reference?: string;
  /** The value is not known (already a mistake, or not resolved on purpose): judge nothing by it. */
  readonly unresolved?: true;
}

/** A list or map made from YAML. */
export type Container = readonly unknown[] | Readonly<Record<string, unknown>>;
export type Key = string | number;

interface Entry {
  readonly self: Origin;
  readonly members: Map<Key, Origin>;
}

/**
 * Where every value of the configuration was written, kept beside the plain objects, by identity. So
 * parts of several files can be put together and still lead back to their lines.
 */
export class Origins {
  readonly #entries = new WeakMap<object, Entry>();

  add(container: object, self: Origin): void {
    this.#entries.set(container, { self, members: new Map() });
  }

  addMember(container: object, key: Key, origin: Origin): void {
    this.#entries.get(container)?.members.set(key, origin);
  }

  of(container: object): Origin | undefined {
    return this.#entries.get(container)?.self;
  }

  ofMember(container: object, key: Key): Origin | undefined {
    return this.#entries.get(container)?.members.get(key);
  }

  /** The origin of what lies below `root` at `path`; of its nearest holder, with the full path, where nothing does. */
  locate(root: object, path: readonly Key[]): Origin {
    let origin = this.of(root) ?? nowhere;
    let value: unknown = root;
    for (const [depth, key] of path.entries()) {
      const found = isContainer(value) ? this.ofMember(value, key) : undefined;
      if (found === undefined) {
        return { ...origin, path: path.slice(depth).reduce(joinPath, origin.path) };
      }
      origin = found;
      value = member(value, key);
    }
    return origin;
  }
}

const nowhere: Origin = {
  file: 'configuration',
  line: 1,
  column: 1,
  path: '',
  keyLine: 1,
  keyColumn: 1,
  plain: false,
};

/**
 * `checks` and 2 make `checks[2]`. A key that is no word is left out: a forgotten colon makes a key of
 * a value, and so perhaps of a secret.
 */
export function joinPath(path: string, key: Key): string {
  if (typeof key === 'number') return `${path}[${key}]`;
  const shown = /^(?:[\w.-]{1,40}|<<)$/.test(key) ? key : '…';
  return path === '' ? shown : `${path}.${shown}`;
}

export function isContainer(value: unknown): value is Container {
  return typeof value === 'object' && value !== null;
}

export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return isContainer(value) && !Array.isArray(value);
}

/** What a list or map holds under a key; undefined where it holds nothing. */
export function member(value: unknown, key: PropertyKey): unknown {
  if (!isContainer(value) || !Object.hasOwn(value, key)) return undefined;
  return Object.getOwnPropertyDescriptor(value, key)?.value;
}
