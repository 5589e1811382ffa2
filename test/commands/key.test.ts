import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { loadCollectorConfiguration } from '#collector/config';
import { parseKey, sha256Hex } from '#lib/key';
import { runFarpoint } from '../support/run-farpoint.ts';

const folder = mkdtempSync(join(tmpdir(), 'farpoint-key-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The key that was printed, and what a collector makes of the line that was printed with it. */
function made(args: readonly string[]) {
  const { code, output } = runFarpoint(['key', 'new', ...args]);
  expect(code).toBe(0);
  const lines = output.split('\n').map((line) => line.trim());
  const key = lines.map(parseKey).find((parsed) => parsed !== undefined);
  const line = lines.find((candidate) => candidate.startsWith('- {'));
  const file = join(folder, 'collector.yaml');
  writeFileSync(file, `version: 1\nkeys:\n  ${line}\n`);
  const { keys } = loadCollectorConfiguration(file, { env: {}, resolve: true });
  return { key, configured: keys[0], output };
}

test('the line fits into a collector, and holds only the hash of the key', () => {
  const { key, configured, output } = made(['--agent', 'eu-west', '--region', 'eu-west']);
  expect(configured).toEqual({
    id: key?.id,
    sha256: sha256Hex(key?.secret ?? ''),
    agents: ['eu-west'],
    regions: ['eu-west'],
    scopes: [],
    expiresUnixMs: undefined,
  });
  expect(output.split(key?.secret ?? '')).toHaveLength(2);
});

test('a key for a stranger is bound to nothing', () => {
  expect(made(['--stranger']).configured).toMatchObject({ agents: [], regions: [], scopes: [] });
});

test('several agents, a last day and a scope', () => {
  const { configured } = made([
    '--agent',
    'one',
    'two',
    '--region',
    'eu',
    '--region',
    'us',
    '--scope',
    'read',
    '--expires',
    '2027-06-30',
  ]);
  expect(configured).toMatchObject({
    agents: ['one', 'two'],
    regions: ['eu', 'us'],
    scopes: ['read'],
    expiresUnixMs: Date.parse('2027-06-30T23:59:59.999Z'),
  });
});

test('names that YAML would read as numbers stay names', () => {
  expect(made(['--agent', '7', '--region', '1e3']).configured).toMatchObject({
    agents: ['7'],
    regions: ['1e3'],
  });
});
