import { globSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { examineAgentConfiguration } from '#agent/config';
import { examineCollectorConfiguration } from '#collector/config';

const root = join(import.meta.dirname, '../..');
const files = globSync('{examples,test/config/valid}/*.yaml', { cwd: root }).toSorted();
const references = { env: {}, resolve: false };

describe('nothing is wrong with', () => {
  test.each(files.filter((file) => basename(file).startsWith('agent')))('%s', (file) => {
    const { fleet, unknown } = examineAgentConfiguration(join(root, file), references);
    expect(fleet.checks.length).toBeGreaterThan(0);
    expect(unknown).toEqual([]);
  });

  test.each(files.filter((file) => basename(file).startsWith('collector')))('%s', (file) => {
    const { keys, sinks } = examineCollectorConfiguration(join(root, file), references);
    expect(keys.keys?.length).toBeGreaterThan(0);
    expect(sinks.length).toBeGreaterThan(0);
  });
});
