import { type z } from 'zod';
import { suggestion } from './mistake.ts';
import { isMap, member, type Key } from './origins.ts';

/** What is wrong at a path below the value that was validated; `key` says that the key itself is. */
export interface Finding {
  readonly path: readonly Key[];
  readonly message: string;
  readonly atKey: boolean;
  /** Not about the value alone but about what it holds together. */
  readonly combined: boolean;
}

export interface FindOptions {
  /** Keys that are valid beside the schema's own at the top, and so are worth suggesting. */
  readonly alsoKnown?: readonly string[];
  /** Dotted paths, `*` for an index, of keys that a later version will have. */
  readonly notBuilt?: readonly string[];
}

type Issue = z.core.$ZodIssue;
type KnownKeys = ReadonlyMap<readonly string[], readonly string[]>;

/** Validates; gives either the output or every finding, in words of the configuration's author. */
export function validate<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  options: FindOptions = {},
): { readonly output: z.output<Schema> } | { readonly findings: readonly Finding[] } {
  const known = new Map<readonly string[], readonly string[]>();
  const result = schema.safeParse(value, {
    error: (issue) => {
      if (issue.code === 'unrecognized_keys') known.set(issue.keys, shapeOf(issue.inst));
      return undefined;
    },
  });
  if (result.success) return { output: result.data };
  return {
    findings: result.error.issues.flatMap((issue) => explain(issue, { value, known, options })),
  };
}

/** The keys of the object schema that refused a key. */
function shapeOf(schema: unknown): readonly string[] {
  const definition = member(member(schema, '_zod'), 'def');
  const shape = member(definition, 'shape');
  return isMap(shape) ? Object.keys(shape) : [];
}

interface Context {
  /** What was validated: the top of all paths. */
  readonly value: unknown;
  readonly known: KnownKeys;
  readonly options: FindOptions;
}

function explain(issue: Issue, context: Context): readonly Finding[] {
  const path = issue.path.filter((key) => typeof key !== 'symbol');
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey([...path, key], issue.keys, context));
    case 'invalid_union':
      return explainUnion(issue, path, context);
    case 'invalid_key':
      return [finding(path, issue.issues[0]?.message ?? 'this key is not valid', { atKey: true })];
    default: {
      const input = path.reduce(member, context.value);
      return [finding(path, message(issue, input), { combined: issue.code === 'custom' })];
    }
  }
}

function finding(
  path: readonly Key[],
  message: string,
  { atKey = false, combined = false } = {},
): Finding {
  return { path, message, atKey, combined };
}

function unknownKey(path: readonly Key[], keys: readonly string[], context: Context): Finding {
  const { alsoKnown = [], notBuilt = [] } = context.options;
  const key = String(path.at(-1));
  const pattern = path.map((part) => (typeof part === 'number' ? '*' : part)).join('.');
  if (notBuilt.includes(pattern)) {
    return finding(path, 'not built yet in this version; remove it', { atKey: true });
  }
  const candidates = [...(context.known.get(keys) ?? []), ...(path.length === 1 ? alsoKnown : [])];
  return finding(path, `unknown key${suggestion(key, candidates)}`, { atKey: true });
}

/** Speaks of the one branch that has the right kind of value; of all branches where none or several have. */
function explainUnion(
  issue: Extract<Issue, { code: 'invalid_union' }>,
  path: readonly Key[],
  context: Context,
): readonly Finding[] {
  const fitting = issue.errors.filter((issues) => !issues.some(isWrongKind));
  const only = fitting.length === 1 ? fitting[0] : undefined;
  if (only !== undefined) {
    return only.flatMap((inner) => explain({ ...inner, path: [...path, ...inner.path] }, context));
  }
  const input = path.reduce(member, context.value);
  const branches = issue.errors.map((issues) => issues[0]).filter((inner) => inner !== undefined);
  const messages = branches.map((inner) => message(inner, input));
  const words = [...new Set(messages)];
  return [finding(path, words.length === 0 ? issue.message : words.join('; or '))];
}

function isWrongKind(issue: Issue): boolean {
  return issue.path.length === 0 && issue.code === 'invalid_type';
}

/** Never tells the value, which may be a secret: only its kind. What the schema itself says goes first. */
function message(issue: Issue, input: unknown): string {
  const own = /^(?:Invalid|Too|Unrecognized) /.test(issue.message) ? undefined : issue.message;
  if (input === undefined) return own === undefined ? 'missing' : `missing; ${own}`;
  if (input === null) return 'has no value; give it one, or remove the key';
  if (own !== undefined)
    return issue.code === 'invalid_type' ? `${own}, got ${kindOf(input)}` : own;
  switch (issue.code) {
    case 'invalid_type':
      return wrongType(issue.expected, input);
    case 'invalid_value': {
      const values = issue.values.map(String);
      const hint = typeof input === 'string' ? suggestion(input, values) : '';
      return `expected one of ${values.join(', ')}${hint}`;
    }
    case 'too_small':
      return `expected ${issue.inclusive === false ? 'more than' : 'at least'} ${amount(issue.minimum, issue.origin)}`;
    case 'too_big':
      return `expected ${issue.inclusive === false ? 'less than' : 'at most'} ${amount(issue.maximum, issue.origin)}`;
    default:
      return issue.message;
  }
}

function wrongType(expected: string, input: unknown): string {
  const quote = expected === 'string' && typeof input !== 'object' ? '; put it in quotes' : '';
  return `expected ${kindNames[expected] ?? expected}, got ${kindOf(input)}${quote}`;
}

const kindNames: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a map of keys',
  record: 'a map of keys',
  array: 'a list',
};

function kindOf(input: unknown): string {
  if (Array.isArray(input)) return 'a list';
  switch (typeof input) {
    case 'object':
      return 'a map of keys';
    case 'string':
      return 'text';
    case 'boolean':
      return 'true or false';
    default:
      return 'a number';
  }
}

const countedKinds: Readonly<Record<string, string>> = {
  string: 'characters',
  array: 'entries',
  object: 'keys',
};

function amount(limit: number | bigint, origin: string): string {
  const unit = countedKinds[origin];
  if (unit === undefined) return String(limit);
  return `${limit} ${limit === 1 ? unit.replace(/(ie)?s$/, (end) => (end === 'ies' ? 'y' : '')) : unit}`;
}
