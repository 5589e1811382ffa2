import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .trim()
  .split('\n')
  .filter((file) => existsSync(join(root, file)));
const sources = tracked.filter((file) => file.endsWith('.ts') && !/^(test|tools)\//.test(file));
const documents = tracked.filter((file) => file.endsWith('.md'));

/** What each folder may import besides itself; commands import everything. */
const allowedImports: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  checks: ['lib'],
  agent: ['checks', 'lib'],
  collector: ['lib'],
  demo: ['lib'],
  grafana: ['lib'],
};

describe('imports', () => {
  test.each(Object.keys(allowedImports))('%s imports only what it may', (folder) => {
    const allowed = new Set([folder, ...(allowedImports[folder] ?? [])]);
    const offences = sources
      .filter((file) => file.startsWith(`${folder}/`))
      .flatMap((file) =>
        importedFolders(file)
          .filter((imported) => !allowed.has(imported))
          .map((imported) => `${file} imports ${imported}`),
      );
    expect(offences).toEqual([]);
  });

  test.each([
    ['lib/wrong.ts', "import { x } from '#agent/runs/runner';\nexport const y = x;\n"],
    ['lib/wrong.ts', "import { x } from '#collector/forwarder';\nexport const y = x;\n"],
    ['checks/wrong.ts', "import { x } from '#agent/runs/runner';\nexport const y = x;\n"],
    ['agent/wrong.ts', "import { x } from '#collector/forwarder';\nexport const y = x;\n"],
    ['collector/wrong.ts', "import { x } from '#checks/registry';\nexport const y = x;\n"],
  ])('lint refuses %s that says %j', (file, text) => {
    expect(lintAlone(file, text)).toMatch(/imports only/);
  });
});

describe('names', () => {
  test('no index files, and no drawer for things without a name', () => {
    const drawers = /(^|\/)(index|utils?|helpers?|common|types|interfaces|manager|misc)\.ts$/;
    expect(tracked.filter((file) => drawers.test(file))).toEqual([]);
  });

  test('files are named in kebab-case', () => {
    const odd = tracked.filter((file) => file.endsWith('.ts') && !/^[a-z0-9./-]+$/.test(file));
    expect(odd).toEqual([]);
  });

  test('nothing re-exports a whole file', () => {
    expect(sources.filter((file) => /^export \* from/m.test(read(file)))).toEqual([]);
  });
});

describe('process', () => {
  test('only commands exit, read arguments or read the environment', () => {
    const touching = sources.filter(
      (file) => !file.startsWith('commands/') && /\bprocess\.(exit\(|argv|env)\b/.test(code(file)),
    );
    expect(touching).toEqual([]);
  });
});

describe('registries', () => {
  test.each([
    ['checks', 'checks/registry.ts', 'defineCheck('],
    ['sinks', 'collector/sinks/registry.ts', 'defineSink('],
  ])('every one of the %s is in its registry and has a test', (_, registry, call) => {
    const folder = dirname(registry);
    const entries = sources.filter(
      (file) => dirname(file) === folder && read(file).includes(`= ${call}`),
    );
    expect(entries).not.toEqual([]);
    for (const entry of entries) {
      const name = entry.slice(folder.length + 1, -3);
      expect(read(registry), entry).toContain(`'./${name}.ts'`);
      expect(tracked, entry).toContain(`test/${folder}/${name}.test.ts`);
    }
  });
});

describe('documents', () => {
  test('the README can be read in one go', () => {
    expect(read('README.md').split('\n').length).toBeLessThanOrEqual(150);
  });

  test('every relative link leads somewhere', () => {
    const broken = documents.flatMap((file) =>
      [...read(file).matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)/g)]
        .map(([, target = '']) => target)
        .filter((target) => !existsSync(join(root, dirname(file), target)))
        .map((target) => `${file}: ${target}`),
    );
    expect(broken).toEqual([]);
  });

  test('every decision has a number of its own, and says it', () => {
    const records = documents.filter((file) => /^docs\/decisions\/\d/.test(file));
    const numbers = records.map((file) => file.slice('docs/decisions/'.length).slice(0, 3));
    expect(new Set(numbers).size).toBe(numbers.length);
    for (const file of records) {
      const [, number] = /(\d{3})-/.exec(file) ?? [];
      expect(read(file), file).toMatch(new RegExp(`^# ${number}: `));
    }
  });

  test('the changelog has its open section', () => {
    expect(read('CHANGELOG.md')).toMatch(/^## \[Unreleased\]$/m);
  });
});

function importedFolders(file: string): string[] {
  const specifiers = [...code(file).matchAll(/(?:from|import)\s*\(?\s*'([#.][^']+)'/g)];
  return specifiers.map(([, specifier = '']) => {
    if (specifier.startsWith('#')) return specifier.slice(1).split('/')[0] ?? '';
    return relative(root, join(root, dirname(file), specifier)).split('/')[0] ?? '';
  });
}

/** Runs the project's lint rules over one file in a tree of its own. */
function lintAlone(file: string, text: string): string {
  const tree = mkdtempSync(join(tmpdir(), 'farpoint-lint-'));
  try {
    copyFileSync(join(root, '.oxlintrc.json'), join(tree, '.oxlintrc.json'));
    mkdirSync(join(tree, dirname(file)), { recursive: true });
    writeFileSync(join(tree, file), text);
    const oxlint = join(root, 'node_modules/.bin/oxlint');
    const { stdout, status } = spawnSync(oxlint, ['.'], {
      cwd: tree,
      encoding: 'utf8',
    });
    return `exit ${status}\n${stdout}`;
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

/** The file without its comments, which may speak of what the code must not do. */
function code(file: string): string {
  return read(file).replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
}
