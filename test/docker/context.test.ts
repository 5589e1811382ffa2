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

test('every package that is native comes for both architectures of the image', () => {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  for (const name of ['@koromix/koffi-linux-x64', '@koromix/koffi-linux-arm64', '@napi-rs/snappy-linux-x64-gnu', '@napi-rs/snappy-linux-arm64-gnu']) {
    expect(packages[`node_modules/${name}`]?.integrity, name).toMatch(/^sha512-/);
  }
});
