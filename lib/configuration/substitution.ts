import { readFileSync } from 'node:fs';
import { isScalar, parseDocument } from 'yaml';

/** Where `${…}` references find their values. */
export interface References {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** False: references are checked for their form only, and nothing outside the file is read. */
  readonly resolve: boolean;
}

export type Substitution =
  /** Nothing to substitute; the text is what it is, with escapes undone. */
  | { readonly kind: 'literal'; readonly text: string }
  /** `retyped`: the whole unquoted scalar was one reference, so its text has the type YAML would give it. */
  | { readonly kind: 'substituted'; readonly value: unknown }
  | { readonly kind: 'unresolved' }
  | { readonly kind: 'mistake'; readonly message: string };

/** An escaped opening, or a whole reference. */
const reference = /\$\$\{(?:env|file):|\$\{(?<scheme>env|file):(?<body>[^}]*)(?<end>\}?)/g;
const variable = /^(?<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?<fallback>.*))?$/s;

/**
 * Puts values in place of `${env:NAME}`, `${env:NAME:-default}` and `${file:/path}` (without one
 * final newline). `$${env:` and `$${file:` stand for themselves less one `$`; any other `$` is
 * literal. What was put in is not searched again. An unquoted (`plain`) scalar that is one
 * `${env:…}` and nothing else takes the type its text would have in YAML; null when it is empty.
 */
export function substitute(
  text: string,
  { plain, references }: { readonly plain: boolean; readonly references: References },
): Substitution {
  const parts = [...text.matchAll(reference)].map((match) => resolveMatch(match, references));
  const wrong = parts.find((part) => part.kind === 'mistake');
  if (wrong !== undefined) return wrong;
  if (parts.some((part) => part.kind === 'unresolved')) return { kind: 'unresolved' };
  const texts = parts.map((part) => (part.kind === 'found' ? part.text : ''));
  let next = 0;
  const result = text.replaceAll(reference, () => texts[next++] ?? '');
  if (!parts.some((part) => part.kind === 'found' && !part.escaped)) {
    return { kind: 'literal', text: result };
  }
  const whole = plain && parts.length === 1 && /^\$\{env:[^}]*\}$/.test(text);
  return { kind: 'substituted', value: whole ? retype(result) : result };
}

type Part =
  | { readonly kind: 'found'; readonly text: string; readonly escaped: boolean }
  | { readonly kind: 'unresolved' }
  | { readonly kind: 'mistake'; readonly message: string };

function resolveMatch(match: RegExpMatchArray, { env, resolve }: References): Part {
  const { scheme, body = '', end = '' } = match.groups ?? {};
  if (scheme === undefined) return { kind: 'found', text: match[0].slice(1), escaped: true };
  if (end === '') return mistake(`\${${scheme}: is not closed with }`);
  if (body.includes('${')) return mistake('references do not nest');
  return scheme === 'env' ? fromEnvironment(body, { env, resolve }) : fromFile(body, resolve);
}

function fromEnvironment(body: string, { env, resolve }: References): Part {
  const { name, fallback } = variable.exec(body)?.groups ?? {};
  if (name === undefined) {
    return mistake('expected ${env:NAME} or ${env:NAME:-default}, NAME of letters, digits and _');
  }
  const value = resolve ? env[name] : undefined;
  if (fallback !== undefined) return found(value === undefined || value === '' ? fallback : value);
  if (!resolve) return { kind: 'unresolved' };
  if (value !== undefined) return found(value);
  return mistake(
    `environment variable ${name} is not set; set it, or give a default: \${env:${name}:-default}`,
  );
}

function fromFile(path: string, resolve: boolean): Part {
  if (!path.startsWith('/')) return mistake('expected ${file:/path} with an absolute path');
  if (!resolve) return { kind: 'unresolved' };
  try {
    return found(readFileSync(path, 'utf8').replace(/\r?\n$/, ''));
  } catch (error) {
    return mistake(`cannot read file ${path}: ${reason(error)}`);
  }
}

function found(text: string): Part {
  return { kind: 'found', text, escaped: false };
}

function mistake(message: string): Part {
  return { kind: 'mistake', message };
}

/** The system's short word for why a file cannot be read, in a sentence without the path repeated. */
export function reason(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return reasons[code] ?? (code === '' ? 'not readable' : code);
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'permission denied',
  EISDIR: 'is a directory',
};

/** As YAML reads the text where it is the whole of an unquoted scalar; the text itself where it could not be. */
function retype(text: string): unknown {
  if (text === '') return null;
  const { contents, errors } = parseDocument(text, { prettyErrors: false });
  const same = errors.length === 0 && isScalar(contents) && contents.source === text;
  return same && contents.type === 'PLAIN' ? contents.value : text;
}
