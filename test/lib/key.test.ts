import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { newKey, parseKey, sha256Hex } from '#lib/key';

test('a new key is id and secret, and only its hash tells them to be right', () => {
  const key = newKey();
  const { id, secret } = parseKey(key.text) ?? { id: '', secret: '' };
  expect(id).toBe(key.id);
  expect(Buffer.from(secret, 'base64url')).toHaveLength(32);
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

test('whatever is presented, parsing gives both parts or nothing', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const key = parseKey(text);
      if (key !== undefined) expect(`${key.id}.${key.secret}`).toBe(text);
    }),
  );
});
