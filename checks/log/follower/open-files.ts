import { type BigIntStats, closeSync, fstatSync, openSync } from 'node:fs';
import { type LogFile, fileKey } from './files.ts';

/**
 * Open files by key. A live file stays open between runs, so that it can be read to its end when it is
 * moved away or removed; others are closed after each run, so that nothing keeps their space.
 */
export class OpenFiles implements Disposable {
  readonly #descriptors = new Map<string, number>();

  /** The descriptor of a file that was found; undefined when the path leads elsewhere by now. */
  open(file: Pick<LogFile, 'key' | 'path'>): number | undefined {
    const open = this.#descriptors.get(file.key);
    if (open !== undefined) return open;
    const descriptor = tryOpen(file.path);
    if (descriptor === undefined) return undefined;
    if (fileKey(stat(descriptor)) !== file.key) {
      closeSync(descriptor);
      return undefined;
    }
    this.#descriptors.set(file.key, descriptor);
    return descriptor;
  }

  /** A file that is open still, under whatever name, if any. */
  held(key: string): LogFile | undefined {
    const descriptor = this.#descriptors.get(key);
    if (descriptor === undefined) return undefined;
    const { size, mtimeMs } = stat(descriptor);
    return {
      path: '',
      key,
      size: Number(size),
      modifiedMs: Number(mtimeMs),
      live: false,
      compressed: false,
    };
  }

  closeAllBut(keys: ReadonlySet<string>): void {
    for (const [key, descriptor] of this.#descriptors) {
      if (keys.has(key)) continue;
      closeSync(descriptor);
      this.#descriptors.delete(key);
    }
  }

  [Symbol.dispose](): void {
    this.closeAllBut(new Set());
  }
}

function tryOpen(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch {
    return undefined;
  }
}

function stat(descriptor: number): BigIntStats {
  return fstatSync(descriptor, { bigint: true });
}
