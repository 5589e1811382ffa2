import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadAgentConfiguration } from '#agent/config';
import { loadCollectorConfiguration } from '#collector/config';
import { ConfigurationError, formatMistake } from '#lib/configuration';

const folder = join(import.meta.dirname, 'invalid');
const references = { env: { TEST_SECRET: 'correct-horse-battery' }, resolve: true };

/** One file a mistake; its first lines say `# expect:` and what must be told, less the file's own name. */
describe.each([
  ['agent', loadAgentConfiguration],
  ['collector', loadCollectorConfiguration],
] as const)('%s', (part, load) => {
  test.each(globSync('*.yaml', { cwd: join(folder, part) }).toSorted())('%s', (name) => {
    const file = join(folder, part, name);
    const expected = readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('# expect: '))
      .map((line) => line.slice('# expect: '.length));
    expect(mistakesOf(() => load(file, references)).map((line) => shorten(line, file))).toEqual(
      expected,
    );
  });
});

function mistakesOf(load: () => unknown): readonly string[] {
  try {
    load();
  } catch (error) {
    if (error instanceof ConfigurationError) return error.mistakes.map(formatMistake);
    throw error;
  }
  return [];
}

function shorten(line: string, file: string): string {
  const own = line.startsWith(`${file}:`) ? line.slice(file.length + 1) : line;
  return own.replaceAll(file, 'this file').replaceAll(`${join(folder, 'included')}/`, 'included/');
}
