import { errorCode } from './error-code.ts';

/** Why a process cannot start with this data folder, which `key` of its configuration names, and what helps. */
export function unusableFolder(path: string, key: string, cause: unknown): Error {
  const remedy = remedies[errorCode(cause) ?? ''];
  const what = `cannot use the data folder ${path} (${key})`;
  return new Error(remedy === undefined ? what : `${what}, ${remedy}`, { cause });
}

const notHere = 'where this file system makes no folders: name one on a disk';
const noFile = 'for a file is in the way: remove it, or name another folder';
const full = 'for its disk is full: free some space and inodes';
const notSynced =
  'whose file system does not keep what is written (fsync): name one on a local disk';

const remedies: Readonly<Record<string, string>> = {
  ENOENT: notHere,
  EPERM: notHere,
  EACCES: 'in which this user may not write: make it the owner, or name another folder',
  EROFS: 'which is read-only: mount a volume there, or name another folder',
  ENOTDIR: noFile,
  EEXIST: noFile,
  ENOSPC: full,
  EDQUOT: full,
  EINVAL: notSynced,
  ENOTSUP: notSynced,
  ENOSYS: notSynced,
};
