import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { damageOf, newKey, parseKey, sha256Hex } from '#lib/key';

test('a new key is id and secret, and only its hash tells them to be right', () => {
  const key = newKey();
  const { id, secret } = parseKey(key.text) ?? { id: '', secret: '' };
  expect(id).toBe(key.id);
  expect(secret).toMatch(/^farpoint_[\w-]{43}[\w-]{6}$/);
  expect(key.sha256).toBe(createHash('sha256').update(secret).digest('hex'));
  expect(key.sha256).toBe(sha256Hex(secret));
});

test('no two keys are alike', () => {
  const keys = Array.from({ length: 100 }, () => newKey());
  expect(new Set(keys.map(({ id }) => id)).size).toBe(100);
  expect(new Set(keys.map(({ text }) => text)).size).toBe(100);
});

test.each([
  '',
  '.',
  'id',
  'id.',
  '.secret',
  'id.short',
  'a b.'.padEnd(60, 'x'),
  'id.'.padEnd(400, 'x'),
])('%j is no key', (text) => {
  expect(parseKey(text)).toBeUndefined();
});

test('an id of its own is kept', () => {
  expect(parseKey(newKey('eu-west').text)?.id).toBe('eu-west');
});

test('a key that is whole is not damaged, and neither is what looks like no key of ours', () => {
  for (let count = 0; count < 100; count += 1) expect(damageOf(newKey().text)).toBeUndefined();
  const byHand = `eu-west.${'x'.repeat(43)}`;
  for (const text of [
    byHand,
    'a.b.c',
    'dt0c01.ST2EY72KQINMH574WMNVI7YN.G3DFPBEJYMODIDAEX4',
    'secret',
  ]) {
    expect(damageOf(text), text).toBeUndefined();
  }
});

test('every damage of one place is noticed, and told without the key', () => {
  const { text } = newKey('eu-west');
  const behindPrefix = text.indexOf('farpoint_') + 'farpoint_'.length;
  const place = fc.integer({ min: behindPrefix, max: text.length - 1 });
  const other = fc.constantFrom(...'aZ09-_ .='.split(''));
  const damaged = fc.oneof(
    fc.tuple(place, other).map(([at, by]) => text.slice(0, at) + by + text.slice(at + 1)),
    fc.tuple(place, other).map(([at, by]) => text.slice(0, at) + by + text.slice(at)),
    place.map((at) => text.slice(0, at)),
    fc.constantFrom(
      `Bearer ${text}`,
      `'${text}'`,
      text.slice(3),
      text.slice('eu-west.'.length),
      `us${text.slice(2)}`,
    ),
  );
  fc.assert(
    fc.property(damaged, (damaged) => {
      fc.pre(damaged !== text);
      const told = damageOf(damaged);
      expect(told).toMatch(/whole key|checksum/);
      expect(told).not.toContain(text.slice(behindPrefix, behindPrefix + 4));
    }),
    { numRuns: 1000 },
  );
});

test('whatever is presented, parsing gives both parts or nothing', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const key = parseKey(text);
      if (key !== undefined) expect(`${key.id}.${key.secret}`).toBe(text);
    }),
  );
});
