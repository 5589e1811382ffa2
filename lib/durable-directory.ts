import { mkdir, open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/**
 * Makes a folder, and those above it that are missing, for their owner only. Resolves when the names of
 * all of them are on disk: what is synced within would be lost with any of them.
 */
export async function makeDirectory(path: string): Promise<void> {
  const highestMade = await mkdir(path, { recursive: true, mode: 0o700 });
  if (highestMade === undefined) return;
  for (let made = resolve(path); made.length >= highestMade.length; made = dirname(made)) {
    await syncDirectory(dirname(made));
  }
}

/** Resolves when creations, renames and removals in the folder are on disk. */
export async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, 'r');
  await directory.sync();
}
