import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { substitute } from '#lib/configuration/substitution';

const folder = mkdtempSync(join(tmpdir(), 'farpoint-substitution-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Given {
  readonly plain?: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

const env = { NAME: 'value', EMPTY: '', NUMBER: '42', YES: 'true', REFERENCE: '${env:NAME}' };

function resolved(text: string, { plain = false, env: given = env }: Given = {}) {
  return substitute(text, { plain, references: { env: given, resolve: true } });
}

function value(text: string, plain = false): unknown {
  const result = resolved(text, { plain });
  if (result.kind === 'substituted') return result.value;
  return result.kind === 'literal' ? result.text : result;
}

describe('references', () => {
  test.each([
    ['${env:NAME}', 'value'],
    ['a ${env:NAME} b ${env:NAME}', 'a value b value'],
    ['${env:UNSET:-fallback}', 'fallback'],
    ['${env:EMPTY:-fallback}', 'fallback'],
    ['${env:NAME:-fallback}', 'value'],
    ['${env:UNSET:-}', ''],
    ['${env:UNSET:-a:-b}', 'a:-b'],
    ['${env:EMPTY}', ''],
    // What was put in is not searched again.
    ['${env:REFERENCE}', '${env:NAME}'],
  ])('%s gives %j', (text, expected) => {
    expect(value(text)).toBe(expected);
  });

  test.each([
    ['secret', 'secret'],
    ['secret\n', 'secret'],
    ['secret\r\n', 'secret'],
    ['secret\n\n', 'secret\n'],
    [' secret ', ' secret '],
    ['', ''],
  ])('a file of %j gives %j', (content, expected) => {
    const file = join(folder, 'secret');
    writeFileSync(file, content);
    expect(value(`\${file:${file}}`)).toBe(expected);
    expect(value(`Bearer \${file:${file}}`)).toBe(`Bearer ${expected}`);
  });

  test.each([
    ['${env:UNSET}', /^environment variable UNSET is not set/],
    ['${env:}', /^expected \$\{env:NAME\}/],
    ['${env:A-B}', /^expected \$\{env:NAME\}/],
    ['${env:NAME', /is not closed/],
    ['${env:UNSET:-${env:NAME}}', /^references do not nest$/],
    ['${file:relative}', /absolute path/],
    ['${file:/nonexistent/x}', /^cannot read file \/nonexistent\/x: no such file$/],
    ['${file:/}', /is a directory/],
  ])('%s is a mistake', (text, message) => {
    expect(resolved(text)).toEqual({ kind: 'mistake', message: expect.stringMatching(message) });
  });

  test('nothing outside the file is read unless references are resolved', () => {
    const references = { env, resolve: false };
    const look = (text: string): unknown => substitute(text, { plain: true, references });
    expect(look('${env:NAME}')).toEqual({ kind: 'unresolved' });
    expect(look('${file:/nonexistent/x}')).toEqual({ kind: 'unresolved' });
    expect(look('${env:NAME:-5}')).toEqual({ kind: 'substituted', value: 5 });
    expect(look('${file:relative}')).toMatchObject({ kind: 'mistake' });
  });
});

describe('literals', () => {
  test.each([
    ['$remote_addr - $remote_user [$time_local] "$request"'],
    ['${request_time}'],
    ['$sum(counts.records) > 1'],
    ['^text/html$'],
    ['100$'],
  ])('%s stays as it is', (text) => {
    expect(resolved(text)).toEqual({ kind: 'literal', text });
  });

  test.each([
    ['$${env:NAME}', '${env:NAME}'],
    ['$${file:/x}', '${file:/x}'],
    ['a $${env:NAME} ${env:NAME}', 'a ${env:NAME} value'],
    ['$${env:${env:NAME}}', '${env:value}'],
  ])('%s escapes to %j', (text, expected) => {
    expect(value(text)).toBe(expected);
  });

  test('any text without a reference is left alone', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        fc.pre(!/\$\{(?:env|file):/.test(text));
        expect(resolved(text)).toEqual({ kind: 'literal', text });
      }),
    );
  });

  test('any text survives being escaped', () => {
    const pieces = fc.array(fc.constantFrom('$', '{', '}', 'env:', 'file:/', '${env:A}', 'x', ' '));
    fc.assert(
      fc.property(pieces, (parts) => {
        const text = parts.join('');
        const escaped = text.replaceAll(/\$\{(env|file):/g, '$$$${$1:');
        expect(value(escaped)).toBe(text);
      }),
    );
  });
});

describe('types', () => {
  test.each([
    ['${env:NUMBER}', 42],
    ['${env:YES}', true],
    ['${env:UNSET:-1.5}', 1.5],
    ['${env:EMPTY}', null],
    ['${env:UNSET:-}', null],
    ['${env:UNSET:-null}', null],
    ['${env:NAME}', 'value'],
    ['${env:UNSET:-30s}', '30s'],
    ['${env:UNSET:-a: b}', 'a: b'],
    ['${env:UNSET:-[a, b]}', '[a, b]'],
    ['${env:UNSET:-# none}', '# none'],
    ["${env:UNSET:-'5'}", "'5'"],
    ['${env:NUMBER}s', '42s'],
  ])('unquoted %s gives %j', (text, expected) => {
    expect(value(text, true)).toStrictEqual(expected);
  });

  test('quoted, it is always text', () => {
    expect(value('${env:NUMBER}')).toBe('42');
    expect(value('${env:EMPTY}')).toBe('');
  });

  test('a file always gives text', () => {
    const file = join(folder, 'number');
    writeFileSync(file, '42\n');
    expect(value(`\${file:${file}}`, true)).toBe('42');
  });

  test('an environment variable never changes the structure around it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const result = resolved('${env:ANY}', { plain: true, env: { ANY: text } });
        const found = result.kind === 'substituted' ? result.value : result;
        expect(typeof found === 'object' && found !== null).toBe(false);
        if (typeof found === 'string') expect(found).toBe(text);
      }),
    );
  });
});
