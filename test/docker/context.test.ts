import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');

test('the build of the image sees every folder that is compiled', () => {
  const { include } = JSON.parse(readFileSync(join(root, 'tsconfig.build.json'), 'utf8'));
  const seen = readFileSync(join(root, '.dockerignore'), 'utf8').split('\n');
  expect(include.length).toBeGreaterThan(5);
  for (const folder of include) expect(seen).toContain(`!${folder}`);
});
