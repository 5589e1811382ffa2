import { setImmediate } from 'node:timers/promises';

interface Waiting {
  readonly block: Uint8Array;
  readonly resolve: (position: number) => void;
  readonly reject: (error: unknown) => void;
}

const groupBlocksMax = 512;
const groupBytesMax = 8 << 20;

/**
 * Natural group commit: blocks that arrive while one group is being synced form the next. A slow disk
 * makes larger groups, a fast one smaller delays; there is no timer to tune.
 */
export class GroupCommit {
  readonly #commit: (blocks: readonly Uint8Array[]) => Promise<number>;
  readonly #bytesMax: number;
  #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;

  /** `commit` gives the position of the group's first block; groups stay below `bytesMax` where they can. */
  constructor(commit: (blocks: readonly Uint8Array[]) => Promise<number>, bytesMax: number) {
    this.#commit = commit;
    this.#bytesMax = Math.min(bytesMax, groupBytesMax);
  }

  /** Resolves to the block's position when its group is committed. */
  append(block: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ block, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    do {
      // Whoever waited for the last group gets to append before the next is cut.
      await setImmediate();
      await this.#commitGroup(this.#takeGroup());
    } while (this.#waiting.length > 0);
    this.#running = undefined;
  }

  async #commitGroup(group: readonly Waiting[]): Promise<void> {
    try {
      const first = await this.#commit(group.map(({ block }) => block));
      for (const [index, { resolve }] of group.entries()) resolve(first + index);
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  }

  #takeGroup(): Waiting[] {
    let bytes = 0;
    const end = this.#waiting.findIndex(({ block }, index) => {
      bytes += block.length;
      return index > 0 && (index >= groupBlocksMax || bytes > this.#bytesMax);
    });
    return this.#waiting.splice(0, end < 0 ? this.#waiting.length : end);
  }
}
