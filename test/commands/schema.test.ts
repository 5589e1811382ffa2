import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { runFarpoint } from '../support/run-farpoint.ts';

const root = join(import.meta.dirname, '../..');

test('fleet: takes what an agent includes, and nothing of its own', () => {
  const { code, output } = runFarpoint(['schema', 'fleet']);
  expect(code).toBe(0);
  expect(output).toBe(readFileSync(join(root, 'docs/fleet.schema.json'), 'utf8'));
  const schema = z.fromJSONSchema(JSON.parse(output));
  const check = { name: 'home', type: 'http', target: 'https://shop.example.org/' };
  const takes = (file: object): boolean => schema.safeParse(file).success;
  expect(takes({ checks: [check] })).toBe(true);
  expect(takes({ version: 1, regions: ['eu'], defaults: { every: '30s' } })).toBe(true);
  expect(takes({ checks: [{ ...check, tpye: 'http' }] })).toBe(false);
  expect(takes({ checks: [check], include: ['more.yaml'] })).toBe(false);
  expect(takes({ checks: [check], agent: { region: 'eu' } })).toBe(false);
});

describe.each(['agent', 'collector'])('%s', (part) => {
  const { code, output } = runFarpoint(['schema', part]);
  const schema = z.fromJSONSchema(JSON.parse(output));
  const read = (file: string): Record<string, unknown> =>
    parse(readFileSync(join(root, file), 'utf8'), { merge: true });

  test('is printed as it is committed', () => {
    expect(code).toBe(0);
    expect(output).toBe(readFileSync(join(root, `docs/${part}.schema.json`), 'utf8'));
  });

  test.each(['examples', 'test/config/valid'])(
    'takes what validates, references included: %s',
    (folder) => {
      expect(schema.safeParse(read(`${folder}/${part}.yaml`)).error).toBeUndefined();
    },
  );

  test('refuses what does not validate', () => {
    const example = read(`examples/${part}.yaml`);
    expect(schema.safeParse({ ...example, colector: {} }).success).toBe(false);
    expect(schema.safeParse({ ...example, log: { level: 'loud' } }).success).toBe(false);
    expect(schema.safeParse({ ...example, version: 2 }).success).toBe(false);
  });
});
