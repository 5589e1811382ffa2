import type { z } from 'zod';
import { suggestion } from './mistake.ts';
import { isMap, member, type Key } from './origins.ts';

/** What is wrong at a path below the value that was validated. */
export interface Finding {
  readonly path: readonly Key[];
  readonly message: string;
  /** The key itself is wrong, not what it holds. */
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

/** Speaks of the branch that was meant, where one can be told; of all branches otherwise. */
function explainUnion(
  issue: Extract<Issue, { code: 'invalid_union' }>,
  path: readonly Key[],
  context: Context,
): readonly Finding[] {
  const input = path.reduce(member, context.value);
  const meant = branchMeant(issue.errors, input);
  if (meant !== undefined) {
    return meant.flatMap((inner) => explain({ ...inner, path: [...path, ...inner.path] }, context));
  }
  const refusals = issue.errors.map((branch) => branch.filter(isRefusal));
  const refused = refusals.map((branch) => branch.flatMap(({ keys }) => keys));
  const unknown = refused[0]?.filter((key) => refused.every((keys) => keys.includes(key))) ?? [];
  if (unknown.length > 0) {
    const candidates = refusals.flat().flatMap(({ keys }) => context.known.get(keys) ?? []);
    return unknown.map((key) =>
      finding([...path, key], `unknown key${suggestion(key, candidates)}`, { atKey: true }),
    );
  }
  const missing = issue.errors
    .flat()
    .filter((inner) => inner.path.reduce(member, input) === undefined);
  if (missing.length > 0) {
    const keys = missing.map((inner) => inner.path.join('.'));
    return [finding(path, `give ${[...new Set(keys)].join(' or ')}`)];
  }
  const messages = issue.errors.flat().map((inner) => message(inner, input));
  return [finding(path, [...new Set(messages)].join('; or '))];
}

type Refusal = Extract<Issue, { code: 'unrecognized_keys' }>;

function isRefusal(issue: Issue): issue is Refusal {
  return issue.code === 'unrecognized_keys';
}

/** The only branch for this kind of value; among several, the only one with the fewest wrong or missing keys. */
function branchMeant(
  branches: readonly (readonly Issue[])[],
  input: unknown,
): readonly Issue[] | undefined {
  const fitting = branches
    .filter((issues) => !issues.some(isWrongKind))
    .map((issues) => ({
      issues,
      keys: issues.filter((inner) => isAboutKeys(inner, input)).length,
    }));
  const fewest = Math.min(...fitting.map(({ keys }) => keys));
  const best = fitting.filter(({ keys }) => keys === fewest);
  return best.length === 1 ? best[0]?.issues : undefined;
}

function isWrongKind(issue: Issue): boolean {
  return issue.path.length === 0 && issue.code === 'invalid_type';
}

function isAboutKeys(issue: Issue, input: unknown): boolean {
  return isRefusal(issue) || issue.path.reduce(member, input) === undefined;
}

/** Never tells the value, which may be a secret: only its kind. A message of the schema's own goes first. */
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
      return Number.isNaN(input) ? 'what is none (NaN)' : 'a number';
  }
}

const countedKinds: Readonly<Record<string, string>> = {
  string: 'characters',
  array: 'items',
  object: 'keys',
};

function amount(limit: number | bigint, origin: string): string {
  const unit = countedKinds[origin];
  if (unit === undefined) return String(limit);
  return `${limit} ${limit === 1 ? unit.slice(0, -1) : unit}`;
}
