import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatMistake, type Mistake } from '#lib/configuration/mistake';
import { Origins, type Key } from '#lib/configuration/origins';
import { readSource } from '#lib/configuration/source';

function read(text: string) {
  const origins = new Origins();
  const mistakes: Mistake[] = [];
  const value = readSource({ file: 'f', text }, origins, (mistake) => mistakes.push(mistake));
  const at = (...path: Key[]): string => {
    const { file, line, column, path: shown } = origins.locate(value as object, path);
    return formatMistake({ file, line, column, path: shown, message: '' }).trimEnd();
  };
  return { value, at, origins, mistakes: mistakes.map(formatMistake) };
}

describe('places', () => {
  const text = 'version: 1\nchecks:\n  - name: home\n    expect: { status: [200, 2xx] }\n';

  test('every value has its line, column and path', () => {
    const { at } = read(text);
    expect(at('version')).toBe('f:1:10: version:');
    expect(at('checks', 0, 'name')).toBe('f:3:11: checks[0].name:');
    expect(at('checks', 0, 'expect', 'status', 1)).toBe('f:4:29: checks[0].expect.status[1]:');
  });

  test('what is missing is placed at what should hold it', () => {
    const { at } = read(text);
    expect(at('checks', 0, 'type')).toBe('f:3:5: checks[0].type:');
    expect(at('agent', 'region')).toBe('f:1:1: agent.region:');
  });

  test('a key that is no word stays out of the path', () => {
    const { value, at } = read('{ key k1.secret, b: 1 }');
    expect(value).toEqual({ 'key k1.secret': null, b: 1 });
    expect(at('key k1.secret')).toBe('f:1:3: …:');
  });

  test('columns and lines do not depend on the line endings', () => {
    expect(read(text.replaceAll('\n', '\r\n')).at('checks', 0, 'name')).toBe(
      'f:3:11: checks[0].name:',
    );
  });
});

describe('values', () => {
  test('are those of YAML 1.2: no is text, and a date is text', () => {
    const { value } = read('a: no\nb: 2027-06-30\nc: 0o17\nd: ~\ne: 1e3\nf: "1"\n5m: 60d\n');
    expect(value).toEqual({
      a: 'no',
      b: '2027-06-30',
      c: 15,
      d: null,
      e: 1000,
      f: '1',
      '5m': '60d',
    });
  });

  test('an alias stands for what it names, and << adds its keys', () => {
    const { value, mistakes } = read(
      'a: &a { x: 1, y: 2 }\nb: *a\nc: { <<: *a, y: 3 }\nd: { <<: [*a, { z: 4 }] }\n',
    );
    expect(mistakes).toEqual([]);
    expect(value).toEqual({
      a: { x: 1, y: 2 },
      b: { x: 1, y: 2 },
      c: { x: 1, y: 3 },
      d: { x: 1, y: 2, z: 4 },
    });
  });

  test('a key of the language cannot be made of one of the file', () => {
    const { value, mistakes } = read('__proto__: { polluted: true }\na: 1\n');
    expect(value).toEqual({ a: 1 });
    expect(mistakes).toEqual(['f:1:1: …: a key must be a plain word'.replace('…: ', '')]);
    expect('polluted' in {}).toBe(false);
  });

  test('aliases of aliases cost no more than what they are', () => {
    const levels = Array.from({ length: 30 }, (_, level) => {
      const before = level === 0 ? 'x' : `*a${level - 1}`;
      return `a${level}: &a${level} [${before}, ${before}]`;
    });
    expect(read(`${levels.join('\n')}\n`).mistakes).toEqual([]);
  });
});

describe('traps', () => {
  test.each([
    ['cron: */5 * * * *\nb: 1\n', 'f:1:7: cron: '],
    ['- cron: */5 1,2 * * 1-5 # often\n', 'f:1:9: [0].cron: '],
    ['{ cron: */5 * * * *, b: 1 }\n', 'f:1:9: cron: '],
    ['cron: * * * * *\n', 'f:1:7: cron: '],
  ])('%j says to quote it', (text, place) => {
    expect(read(text).mistakes).toEqual([
      `${place}a value that starts with * must be quoted: '*/5 * * * *'`,
    ]);
  });

  test.each([
    ['{ a: ${env:A}, b: ${file:/b} }\n', ['f:1:6: a: ', 'f:1:19: b: ']],
    ['a: { b: Bearer ${env:A:-x} }\n', ['f:1:9: a.b: ']],
    ['a: [${env:A}, 2]\n', ['f:1:5: a[0]: ']],
  ])('%j says to quote them', (text, places) => {
    expect(read(text).mistakes).toEqual(
      places.map(
        (place) => `${place}a \${…} reference inside { } or [ ] must be quoted: '\${env:NAME}'`,
      ),
    );
  });

  test.each([
    "cron: '*/5 * * * *'\n",
    'a: ${env:A}\n',
    "{ a: '${env:A}' }\n",
    '# cron: */5 * * * *\na: 1\n',
    'a: |\n  */5 * * * *\n  { a: ${env:A} }\n',
    'a: &x 1\nb: *x\n',
  ])('%j is none', (text) => {
    expect(read(text).mistakes).toEqual([]);
  });
});

test('whatever the text, reading ends, throws nothing and gives every value a place', () => {
  const alphabet = [
    'a',
    ': ',
    ':',
    '\n',
    '  ',
    '- ',
    '{',
    '}',
    '[',
    ']',
    '*',
    '&x ',
    '*x',
    '<<',
    '"',
    "'",
  ];
  const more = ['#', '|', '>', '!t ', '${env:A}', '? ', '\t', '---', '...', '%', '1', ','];
  const pieces = fc.array(fc.constantFrom(...alphabet, ...more), { maxLength: 40 });
  fc.assert(
    fc.property(pieces, (parts) => {
      const { value, origins } = read(parts.join(''));
      expectPlaces(value, origins, new Set());
    }),
    { numRuns: 2000 },
  );
});

function expectPlaces(value: unknown, origins: Origins, seen: Set<unknown>): void {
  if (typeof value !== 'object' || value === null || seen.has(value)) return;
  seen.add(value);
  const keys = Array.isArray(value) ? [...value.keys()] : Object.keys(value);
  for (const key of keys) {
    expect(origins.ofMember(value, key)?.line).toBeGreaterThan(0);
    expectPlaces((value as Record<Key, unknown>)[key], origins, seen);
  }
}
