import { type BigIntStats, globSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';

/** A file that holds, or may hold, lines of the log. */
export interface LogFile {
  /** Without symbolic links; empty where the file is open still but has no name that is known. */
  readonly path: string;
  /** See `fileKey`. */
  readonly key: string;
  readonly size: number;
  readonly modifiedMs: number;
  /** Whether it is what the target names, and not one of its rotated files. */
  readonly live: boolean;
  /** Whether it is a gzip file; its content is what it unpacks to, and does not grow. */
  readonly compressed: boolean;
}

export interface Listing {
  /** Every file once, live ones first, the others oldest first. */
  readonly files: readonly LogFile[];
  /** Why there is no live file. */
  readonly problem: NodeJS.ErrnoException | undefined;
}

/** What logrotate and its like put behind, or before the extension of, the name of a rotated file. */
const rotation = String.raw`[.-](?:\d[\dTZ_.:-]*|old|bak|prev)`;

/**
 * Looks for the log, for its rotated files, beside it and where `rotated` (patterns of paths) says, and
 * at `paths`, where files of it were before.
 */
export function listFiles(
  target: string,
  rotated: readonly string[],
  paths: readonly string[],
): Listing {
  const live = isPattern(target) ? globSync(target) : [target];
  const files = new Map<string, LogFile>();
  let problem: NodeJS.ErrnoException | undefined;
  for (const path of live) problem = add(files, path, true) ?? problem;
  const names = new Set([...live, ...[...files.values()].map(({ path }) => path)]);
  const others = new Map<string, LogFile>();
  for (const path of [...paths, ...globSync([...rotated]), ...rotatedFiles(names)])
    add(others, path, false);
  for (const file of [...others.values()].sort(byAge))
    if (!files.has(file.key)) files.set(file.key, file);
  if (live.length === 0) problem = errno('ENOENT', `no file matches ${target}`);
  return { files: [...files.values()], problem: hasLive(files) ? undefined : problem };
}

/** Whether the target is a pattern of paths, and not one path. */
export function isPattern(target: string): boolean {
  return /[*?{}[\]]/.test(target);
}

/** Identifies a file as long as it exists: inode numbers are used again, birth times are not. */
export function fileKey({ ino, birthtimeNs }: BigIntStats): string {
  return `${ino}-${birthtimeNs}`;
}

/** Follows symbolic links; what is no regular file is not taken. */
function add(
  files: Map<string, LogFile>,
  name: string,
  live: boolean,
): NodeJS.ErrnoException | undefined {
  try {
    const path = realpathSync(name);
    const stats = statSync(path, { bigint: true });
    if (!stats.isFile()) return errno('EISDIR', `${name} is not a regular file`);
    const compressed = path.endsWith('.gz');
    const file = {
      path,
      key: fileKey(stats),
      size: Number(stats.size),
      live: live && !compressed,
      compressed,
    };
    files.set(file.key, { ...file, modifiedMs: Number(stats.mtimeNs) / 1e6 });
    return undefined;
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
}

/** `access.log.1`, `access.log-20261122.gz` and `access-20261122.log` beside `access.log`. */
function rotatedFiles(names: ReadonlySet<string>): string[] {
  return [...Map.groupBy(names, dirname)].flatMap(([folder, paths]) => {
    const alternatives = paths.map((path) => {
      const extension = extname(path);
      const [name, stem, end] = [basename(path), basename(path, extension), extension].map((text) =>
        RegExp.escape(text),
      );
      return `${name}${rotation}|${stem}${rotation}${end}`;
    });
    const pattern = new RegExp(`^(?:${alternatives.join('|')})(?:\\.gz)?$`);
    return entries(folder)
      .filter((entry) => pattern.test(entry))
      .map((entry) => join(folder, entry));
  });
}

function entries(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function byAge(a: LogFile, b: LogFile): number {
  return a.modifiedMs - b.modifiedMs;
}

function hasLive(files: ReadonlyMap<string, LogFile>): boolean {
  return [...files.values()].some(({ live }) => live);
}

function errno(code: string, message: string): NodeJS.ErrnoException {
  return Object.assign(new Error(message), { code });
}
