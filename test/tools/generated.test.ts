import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { generated } from '../../tools/generated.ts';

const root = join(import.meta.dirname, '../..');

test.each(Object.entries(generated))('%s is what npm run generate writes', (file, text) => {
  expect(readFileSync(join(root, file), 'utf8')).toBe(text());
});
