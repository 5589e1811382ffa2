import { execFile } from 'node:child_process';
import { statSync } from 'node:fs';
import { promisify } from 'node:util';

/** The folders that another process syncs while it runs a function of a module, in order. Needs strace. */
export async function syncedFolders(
  module: string,
  name: string,
  ...parameters: readonly unknown[]
): Promise<readonly string[]> {
  const program = `const { ${name} } = await import(${JSON.stringify(import.meta.resolve(module))});
    await ${name}(...${JSON.stringify(parameters)});`;
  const { stderr } = await promisify(execFile)('strace', [
    '-fy',
    '--trace=fsync',
    '--signal=none',
    process.execPath,
    '--input-type=module',
    `--eval=${program}`,
  ]);
  const synced = Array.from(stderr.matchAll(/fsync\(\d+<([^>]+)>/g), ([, path = '']) => path);
  return synced.filter((path) => statSync(path, { throwIfNoEntry: false })?.isDirectory());
}
