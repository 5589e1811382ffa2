import { setImmediate } from 'node:timers/promises';
import type { QueueFile, QueueFileSystem } from '#lib/queue/files';
import { below } from '../random.ts';

/**
 * A disk whose power can be cut. It records every operation; `afterPowerCut(count)` is the disk as it may be
 * found when the power went after the first `count` of them. What had been synced is there. Of the rest, each
 * operation may have happened, or not, or in part: a write is persisted sector by sector in any order,
 * a file may have grown before its data arrived, a rename may be there without the creation before it.
 * That is more than any real file system does wrong, and within what POSIX allows.
 */
export class SimulatedDisk implements QueueFileSystem {
  operations: Operation[] = [];
  /** Fails the operation with the error code it gives, before anything is done. */
  fault: (operation: Operation) => string | undefined = () => undefined;
  /** What happens elsewhere while the operation is under way. */
  meanwhile: (operation: Operation) => Promise<void> | undefined = () => undefined;
  /** What all files may hold together. */
  capacity = Infinity;
  #names = new Map<string, Inode>();
  #locked = false;
  #killed = false;

  lock(): Disposable {
    if (this.#locked) throw new Error('locked');
    this.#locked = true;
    return {
      [Symbol.dispose]: () => {
        this.#locked = false;
      },
    };
  }

  /** The same disk for the process after the one that used this and is dead: what that had under way never ends. */
  afterKill(): SimulatedDisk {
    this.#killed = true;
    const disk = new SimulatedDisk();
    disk.operations = this.operations;
    disk.#names = this.#names;
    disk.fault = this.fault;
    disk.meanwhile = this.meanwhile;
    disk.capacity = this.capacity;
    return disk;
  }

  makeDirectory(): Promise<void> {
    return Promise.resolve();
  }

  list(directory: string): Promise<string[]> {
    const prefix = `${directory}/`;
    const paths = [...this.#names.keys()].filter((path) => path.startsWith(prefix));
    return Promise.resolve(paths.map((path) => path.slice(prefix.length)));
  }

  open(path: string): Promise<QueueFile> {
    const inode = this.#names.get(path);
    if (!inode) return Promise.reject(systemError('ENOENT'));
    return Promise.resolve(this.#file(inode, path));
  }

  async create(path: string): Promise<QueueFile> {
    if (this.#names.has(path)) throw systemError('EEXIST');
    const inode: Inode = { bytes: Buffer.alloc(0) };
    await this.#perform({ kind: 'create', path, inode });
    this.#names.set(path, inode);
    return this.#file(inode, path);
  }

  async rename(from: string, to: string): Promise<void> {
    const inode = this.#names.get(from);
    if (!inode) throw systemError('ENOENT');
    await this.#perform({ kind: 'rename', path: to, from, inode });
    this.#names.delete(from);
    this.#names.set(to, inode);
  }

  async remove(path: string): Promise<void> {
    if (!this.#names.has(path)) throw systemError('ENOENT');
    await this.#perform({ kind: 'remove', path });
    this.#names.delete(path);
  }

  async syncDirectory(path: string): Promise<void> {
    await this.#perform({ kind: 'sync directory', path });
  }

  /** The names of all files. */
  get paths(): string[] {
    return [...this.#names.keys()].sort();
  }

  /** The bytes of a file, to be damaged in place. */
  bytesOf(path: string): Buffer {
    return this.#inode(path).bytes;
  }

  /** Takes bytes from the end of a file, or adds zeros when negative. */
  cut(path: string, bytes: number): void {
    const inode = this.#inode(path);
    truncate(inode, inode.bytes.length - bytes);
  }

  /** The disk as a power cut after the first `count` operations may leave it. */
  afterPowerCut(count: number, random: () => number): SimulatedDisk {
    const done = this.operations.slice(0, count);
    const disk = new SimulatedDisk();
    const contents = new Map<Inode, Inode>();
    for (const [path, inode] of namesAfterPowerCut(done, random)) {
      const found = contents.get(inode) ?? { bytes: contentAfterPowerCut(done, inode, random) };
      contents.set(inode, found);
      disk.#names.set(path, found);
    }
    disk.#recordFiles();
    return disk;
  }

  #inode(path: string): Inode {
    const inode = this.#names.get(path);
    if (!inode) throw systemError('ENOENT');
    return inode;
  }

  /** What a disk finds at its start is durable: its operations begin with that. */
  #recordFiles(): void {
    const inodes = new Set<Inode>();
    for (const [path, inode] of this.#names) {
      this.operations.push({ kind: 'create', path, inode });
      if (inodes.has(inode)) continue;
      inodes.add(inode);
      const bytes = Buffer.from(inode.bytes);
      this.operations.push({ kind: 'write', path, inode, offset: 0, bytes });
      this.operations.push({ kind: 'datasync', path, inode });
    }
    this.operations.push({ kind: 'sync directory', path: '' });
  }

  #file(inode: Inode, path: string): QueueFile {
    return {
      write: async (buffers, offset) => {
        const bytes = Buffer.concat(buffers);
        const room = this.#room(inode, offset);
        const operation = {
          kind: 'write',
          path,
          inode,
          offset,
          bytes: bytes.subarray(0, room),
        } as const;
        await this.#perform(operation);
        write(inode, offset, operation.bytes);
        if (room < bytes.length) throw systemError('ENOSPC');
      },
      read: async (buffer, offset) => {
        await this.#perform({ kind: 'read', path, offset, length: buffer.length });
        return inode.bytes.copy(buffer, 0, offset);
      },
      truncate: async (bytes) => {
        await this.#perform({ kind: 'truncate', path, inode, bytes });
        truncate(inode, bytes);
      },
      datasync: () => this.#datasync(inode, path),
      size: () => Promise.resolve(inode.bytes.length),
      close: () => Promise.resolve(),
    };
  }

  /** After a failure the kernel forgets that the pages were dirty: they never reach the disk. */
  async #datasync(inode: Inode, path: string): Promise<void> {
    try {
      await this.#perform({ kind: 'datasync', path, inode });
    } catch (error) {
      this.operations.push({ kind: 'lose', path, inode });
      throw error;
    }
  }

  #room(inode: Inode, offset: number): number {
    let used = 0;
    for (const { bytes } of new Set(this.#names.values())) used += bytes.length;
    return Math.max(0, this.capacity - used + inode.bytes.length - offset);
  }

  async #perform(operation: Operation): Promise<void> {
    await setImmediate();
    if (this.#killed) await new Promise(() => undefined);
    await this.meanwhile(operation);
    const code = this.fault(operation);
    if (code) throw systemError(code);
    if (operation.kind !== 'read') this.operations.push(operation);
  }
}

export interface Inode {
  bytes: Buffer;
}

export type Operation =
  | { readonly kind: 'create'; readonly path: string; readonly inode: Inode }
  | { readonly kind: 'rename'; readonly path: string; readonly from: string; readonly inode: Inode }
  | { readonly kind: 'remove'; readonly path: string }
  | { readonly kind: 'sync directory'; readonly path: string }
  | {
      readonly kind: 'read';
      readonly path: string;
      readonly offset: number;
      readonly length: number;
    }
  | {
      readonly kind: 'write';
      readonly path: string;
      readonly inode: Inode;
      readonly offset: number;
      readonly bytes: Buffer;
    }
  | {
      readonly kind: 'truncate';
      readonly path: string;
      readonly inode: Inode;
      readonly bytes: number;
    }
  | { readonly kind: 'datasync'; readonly path: string; readonly inode: Inode }
  | { readonly kind: 'lose'; readonly path: string; readonly inode: Inode };

function namesAfterPowerCut(done: readonly Operation[], random: () => number): Map<string, Inode> {
  const names = new Map<string, Inode>();
  const synced = done.findLastIndex(({ kind }) => kind === 'sync directory');
  const keep = [0, 0.5, 1][below(random, 3)] ?? 0;
  for (const [index, operation] of done.entries()) {
    if (index > synced && random() >= keep) continue;
    if (operation.kind === 'create') names.set(operation.path, operation.inode);
    if (operation.kind === 'remove') names.delete(operation.path);
    if (operation.kind === 'rename') {
      names.delete(operation.from);
      names.set(operation.path, operation.inode);
    }
  }
  return names;
}

function contentAfterPowerCut(
  done: readonly Operation[],
  inode: Inode,
  random: () => number,
): Buffer {
  const own = done.filter((operation) => 'inode' in operation && operation.inode === inode);
  const synced = own.findLastIndex(({ kind }) => kind === 'datasync');
  const found: Inode = { bytes: Buffer.alloc(0) };
  const keep = [0, 0.3, 0.7, 1][below(random, 4)] ?? 0;
  for (const [index, operation] of own.entries()) {
    const lost = own.slice(index).find(({ kind }) => kind === 'datasync' || kind === 'lose');
    const durable = index < synced && lost?.kind === 'datasync';
    if (operation.kind === 'truncate' && (durable || random() < keep)) {
      truncate(found, operation.bytes);
    }
    if (operation.kind !== 'write') continue;
    if (durable) write(found, operation.offset, operation.bytes);
    else writePartly(found, operation, keep, random);
  }
  return found.bytes;
}

/** Persists some sectors of a write, in whatever order, and perhaps the size before the data. */
function writePartly(
  inode: Inode,
  { offset, bytes }: { offset: number; bytes: Buffer },
  keep: number,
  random: () => number,
): void {
  const sectorBytes = 1 + below(random, Math.max(300, bytes.length / 20));
  const kept: number[] = [];
  for (let start = 0; start < bytes.length; start += sectorBytes) {
    if (random() < keep) kept.push(start);
  }
  const grown = random() < keep / 2 ? bytes.length : (kept.at(-1) ?? 0);
  if (keep > 0) write(inode, offset + grown, Buffer.alloc(0));
  for (const start of kept) {
    write(inode, offset + start, bytes.subarray(start, start + sectorBytes));
  }
}

function write(inode: Inode, offset: number, bytes: Buffer): void {
  const size = Math.max(inode.bytes.length, offset + bytes.length);
  if (size > inode.bytes.length) {
    const grown = Buffer.alloc(size);
    inode.bytes.copy(grown);
    inode.bytes = grown;
  }
  bytes.copy(inode.bytes, offset);
}

function truncate(inode: Inode, bytes: number): void {
  const cut = Buffer.alloc(bytes);
  inode.bytes.copy(cut);
  inode.bytes = cut;
}

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: simulated`), { code });
}
