import { unwatchFile, watchFile } from 'node:fs';

const everyMs = 2000;

/**
 * Calls `changed` some seconds after the content of one of the files was replaced, however that was
 * done (in place, by rename, by a link to another folder as Kubernetes does it). Does not keep the
 * process alive.
 */
export function watchFiles(paths: readonly string[], changed: () => void): Disposable {
  const listener = (current: { mtimeMs: number; ino: number }, previous: typeof current): void => {
    if (current.mtimeMs !== previous.mtimeMs || current.ino !== previous.ino) changed();
  };
  for (const path of paths) watchFile(path, { interval: everyMs, persistent: false }, listener);
  return {
    [Symbol.dispose]: () => {
      for (const path of paths) unwatchFile(path, listener);
    },
  };
}
