import { DatabaseSync } from 'node:sqlite';
import { messageOf } from '#lib/error-message';

/**
 * Takes the lock at `path` for as long as the process lives or until disposed; throws when somebody
 * else has it, in this process or in another.
 *
 * Node has no flock, but SQLite, which is part of Node, locks its file in the kernel (fcntl): the lock
 * ends with its holder however that dies, holds across containers that share a volume, and is never
 * stale. An exclusive transaction on an empty database that nobody writes is such a lock and no more.
 */
export function lockFile(path: string): Disposable {
  const database = new DatabaseSync(path, { open: false, timeout: 0 });
  try {
    database.open();
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (cause) {
    if (database.isOpen) database.close();
    throw new Error(`cannot lock ${path}: ${reason(cause)}`, { cause });
  }
  return { [Symbol.dispose]: () => database.close() };
}

const sqliteBusy = 5;

function reason(error: unknown): string {
  if (error instanceof Error && 'errcode' in error && error.errcode === sqliteBusy) {
    return 'another process is using this folder; stop it, or give this one a folder of its own';
  }
  return messageOf(error);
}
