import * as fs from 'node:fs';
import * as fsPromises from 'node:fs/promises';
import { promisify } from 'node:util';
import { makeDirectory, syncDirectory } from '#lib/durable-directory';
import { lockFile } from './lock.ts';

/** One open file. Every method rejects with the system's own error, `code` included. */
export interface QueueFile {
  /** Writes all bytes of all buffers from `offset` on. */
  write(buffers: readonly Uint8Array[], offset: number): Promise<void>;
  /** Fills the buffer from `offset` on, or as far as the file goes; gives the bytes read. */
  read(buffer: Uint8Array, offset: number): Promise<number>;
  truncate(bytes: number): Promise<void>;
  /** Resolves when the bytes, and the size needed to find them, are on disk. */
  datasync(): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}

/** All the queue needs of a file system: small, so that a test can cut its power at any step. */
export interface QueueFileSystem {
  /** Takes the exclusive lock, or throws when another holder is alive. */
  lock(path: string): Disposable;
  makeDirectory(path: string): Promise<void>;
  list(directory: string): Promise<string[]>;
  open(path: string): Promise<QueueFile>;
  /** Makes a new file; rejects with EEXIST when there is one. */
  create(path: string): Promise<QueueFile>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Resolves when creations, renames and removals in the directory are on disk. */
  syncDirectory(path: string): Promise<void>;
}

export const diskFileSystem: QueueFileSystem = {
  lock: lockFile,
  makeDirectory,
  list: (directory) => fsPromises.readdir(directory),
  open: (path) => openFile(path, fs.constants.O_RDWR),
  create: (path) =>
    openFile(path, fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_EXCL),
  rename: (from, to) => fsPromises.rename(from, to),
  remove: (path) => fsPromises.unlink(path),
  syncDirectory,
};

const openDescriptor = promisify(fs.open);
const writev = promisify(fs.writev);
const read = promisify(fs.read);
const ftruncate = promisify(fs.ftruncate);
const fdatasync = promisify(fs.fdatasync);
const fstat = promisify(fs.fstat);
const closeDescriptor = promisify(fs.close);

/** Plain descriptors: a FileHandle costs several microseconds more on every call. */
async function openFile(path: string, flags: number): Promise<QueueFile> {
  const descriptor = await openDescriptor(path, flags, 0o600);
  return {
    async write(buffers, offset) {
      let rest = buffers;
      let at = offset;
      while (rest.length > 0) {
        const { bytesWritten } = await writev(descriptor, rest, at);
        at += bytesWritten;
        rest = withoutFirst(rest, bytesWritten);
      }
    },
    async read(buffer, offset) {
      let filled = 0;
      while (filled < buffer.length) {
        const left = buffer.length - filled;
        const { bytesRead } = await read(descriptor, buffer, filled, left, offset + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return filled;
    },
    truncate: (bytes) => ftruncate(descriptor, bytes),
    datasync: () => fdatasync(descriptor),
    size: async () => (await fstat(descriptor)).size,
    close: () => closeDescriptor(descriptor),
  };
}

/** What is left to write after a write of `bytes`, which may be short. */
function withoutFirst(buffers: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  let skip = bytes;
  for (const [index, buffer] of buffers.entries()) {
    if (skip < buffer.length) return [buffer.subarray(skip), ...buffers.slice(index + 1)];
    skip -= buffer.length;
  }
  return [];
}
