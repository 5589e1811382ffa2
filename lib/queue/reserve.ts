import { randomBytes } from 'node:crypto';
import { errorCode } from '#lib/error-code';
import type { QueueFile, QueueFileSystem } from './files.ts';

const reserveBytes = 1 << 20;

/**
 * Space kept back so that acknowledging and deleting, which free space, work on a full disk. It is given
 * up for them, and put up again before anything else is appended.
 */
export class Reserve {
  readonly #files: QueueFileSystem;
  readonly #path: string;
  #stands = false;

  constructor(files: QueueFileSystem, path: string) {
    this.#files = files;
    this.#path = path;
  }

  /** Puts the reserve up unless it stands. Rejects with the disk's error where there is no room for it. */
  async ensure(): Promise<void> {
    if (this.#stands) return;
    try {
      await this.#write();
    } catch (error) {
      await this.release();
      throw error;
    }
    this.#stands = true;
  }

  /** Gives the space free. Never rejects. */
  async release(): Promise<void> {
    this.#stands = false;
    await this.#files.remove(this.#path).catch(() => undefined);
  }

  async #write(): Promise<void> {
    const file = await this.#openOrCreate();
    try {
      if ((await file.size()) === reserveBytes) return;
      // Random, because zeros take no space on a file system that compresses.
      await file.write([randomBytes(reserveBytes)], 0);
      await file.datasync();
    } finally {
      await file.close();
    }
  }

  async #openOrCreate(): Promise<QueueFile> {
    try {
      return await this.#files.create(this.#path);
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
      return this.#files.open(this.#path);
    }
  }
}

/** Whether a disk's error means that it, or the user's part of it, has no room. */
export function isDiskFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes(errorCode(error) ?? '');
}
