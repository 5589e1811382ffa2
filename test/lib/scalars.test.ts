import { inspect } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { duration, labels, line, name, secret, size } from '#lib/scalars';

describe('duration', () => {
  test.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['1.5h', 5_400_000],
    ['7d', 604_800_000],
    ['2w', 1_209_600_000],
    ['1y', 31_536_000_000],
    ['0s', 0],
  ])('%s is %i ms', (text, ms) => {
    expect(duration.parse(text)).toBe(ms);
  });

  test.each([
    '',
    '30',
    's',
    '30 s',
    '-1s',
    '1h30m',
    '1e3s',
    '.5s',
    '5.s',
    '30S',
    '30s\n',
    '∞s',
    'NaNs',
  ])('%j is none', (text) => {
    expect(duration.safeParse(text).success).toBe(false);
  });

  test('whole numbers of a unit are exact', () => {
    const factors = { ms: 1, s: 1e3, m: 6e4, h: 36e5, d: 864e5 };
    fc.assert(
      fc.property(fc.nat(1e6), fc.constantFrom(...Object.entries(factors)), (count, [unit, ms]) => {
        expect(duration.parse(`${count}${unit}`)).toBe(count * ms);
      }),
    );
  });

  test('no other text is taken', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const result = duration.safeParse(text);
        expect(result.success).toBe(
          /^\d+(?:\.\d+)?(?:ms|[smhdwy])$/.test(text) && !text.endsWith('\n'),
        );
      }),
    );
  });
});

describe('size', () => {
  test.each([
    ['512B', 512],
    ['20KiB', 20_480],
    ['1GiB', 1_073_741_824],
    ['1GB', 1e9],
    ['1.5MiB', 1_572_864],
    ['0.3B', 0],
  ])('%s is %i bytes', (text, bytes) => {
    expect(size.parse(text)).toBe(bytes);
  });

  test.each(['', '5', '5K', '5kb', '5 MiB', '-1B'])('%j is none', (text) => {
    expect(size.safeParse(text).success).toBe(false);
  });

  test('is a whole number of bytes', () => {
    const units = fc.constantFrom('B', 'KiB', 'MiB', 'kB', 'MB');
    fc.assert(
      fc.property(fc.nat(9999), fc.nat(999), units, (whole, fraction, unit) => {
        expect(Number.isSafeInteger(size.parse(`${whole}.${fraction}${unit}`))).toBe(true);
      }),
    );
  });
});

describe('names and labels', () => {
  test.each(['home', 'eu-west', 'k8s.node_1', '1', 'a'.repeat(63)])('%s is a name', (text) => {
    expect(name.parse(text)).toBe(text);
  });

  test.each(['', '-a', '.a', 'a b', 'a/b', '../a', 'ä', 'a\n', 'a'.repeat(64)])(
    '%j is no name',
    (text) => {
      expect(name.safeParse(text).success).toBe(false);
    },
  );

  test.each(['job', 'region', 'agent', '__name__', '9lives', 'a-b', ''])(
    '%j is no label',
    (label) => {
      expect(labels.safeParse({ [label]: 'x' }).success).toBe(false);
    },
  );

  test('a label has a value on one line', () => {
    expect(labels.parse({ team: 'web', _tier: 'ü 1' })).toEqual({ team: 'web', _tier: 'ü 1' });
    expect(labels.safeParse({ team: '' }).success).toBe(false);
    expect(line.safeParse('a\nb').success).toBe(false);
    expect(line.safeParse('a\u0000').success).toBe(false);
  });
});

test('a secret shows itself only when asked to', () => {
  const found = secret.parse('hunter2');
  expect(found.reveal()).toBe('hunter2');
  for (const shown of [String(found), JSON.stringify({ found }), inspect({ found })]) {
    expect(shown).not.toContain('hunter2');
    expect(shown).toContain('***');
  }
  expect(secret.safeParse('').success).toBe(false);
});
