import { type BigIntStats, readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';

/** A file that holds, or may hold, lines of the log. */
export interface LogFile {
  readonly path: string;
  /** See `fileKey`. */
  readonly key: string;
  readonly size: number;
  readonly modifiedMs: number;
  /** Whether it is what the target names, and not one of its rotated files. */
  readonly live: boolean;
}

export interface Listing {
  /** Every file once, the live one first, the others oldest first. */
  readonly files: readonly LogFile[];
  /** Why the live file is not among them. */
  readonly problem: NodeJS.ErrnoException | undefined;
}

const rotation = String.raw`[.-](?:\d[\dTZ_.:-]*|old|bak|prev)`;

/** Looks for the log and for its rotated files, and at `paths` where files of it were before. */
export function listFiles(target: string, paths: readonly string[]): Listing {
  const files = new Map<string, LogFile>();
  const problem = add(files, target, true);
  const real = realPath(target);
  const rotated = [...new Set([target, real])].flatMap(rotatedPaths);
  const others = new Map<string, LogFile>();
  for (const path of [...paths, ...rotated]) add(others, path, false);
  const byAge = [...others.values()].sort((a, b) => a.modifiedMs - b.modifiedMs);
  for (const file of byAge) if (!files.has(file.key)) files.set(file.key, file);
  return { files: [...files.values()], problem };
}

/** Identifies a file as long as it exists: inode numbers are used again, birth times are not. */
export function fileKey({ ino, birthtimeNs }: BigIntStats): string {
  return `${ino}-${birthtimeNs}`;
}

/** Follows symbolic links; what is no regular file is not taken. */
function add(
  files: Map<string, LogFile>,
  path: string,
  live: boolean,
): NodeJS.ErrnoException | undefined {
  try {
    const stats = statSync(path, { bigint: true });
    if (!stats.isFile())
      throw Object.assign(new Error(`${path} is not a file`), { code: 'EISDIR' });
    const key = fileKey(stats);
    files.set(key, {
      path,
      key,
      size: Number(stats.size),
      modifiedMs: Number(stats.mtimeMs),
      live,
    });
    return undefined;
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** What logrotate and its like name the rotated files of `access.log`: `access.log.1`, `access-20261122.log`. */
function rotatedPaths(path: string): string[] {
  const extension = extname(path);
  const name = escape(basename(path));
  const stem = escape(basename(path, extension));
  const pattern = new RegExp(`^(?:${name}${rotation}|${stem}${rotation}${escape(extension)})$`);
  return entries(dirname(path))
    .filter((entry) => pattern.test(entry))
    .map((entry) => join(dirname(path), entry));
}

function entries(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function escape(text: string): string {
  return RegExp.escape(text);
}
