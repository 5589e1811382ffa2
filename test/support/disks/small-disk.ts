import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A disk of its own that can be full; needs root. Gone when it is disposed. */
export class SmallDisk implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'farpoint-small-disk-'));

  constructor(kibibytes: number) {
    const options = `size=${kibibytes}k,mode=0700`;
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', this.directory]);
  }

  /** Takes all the space that is left. */
  fill(): void {
    try {
      for (;;) writeFileSync(this.#filler, Buffer.alloc(4096), { flag: 'a' });
    } catch (error) {
      if (!String(error).includes('ENOSPC')) throw error;
    }
  }

  /** Gives it back. */
  free(): void {
    rmSync(this.#filler);
  }

  [Symbol.dispose](): void {
    execFileSync('umount', [this.directory]);
    rmdirSync(this.directory);
  }

  get #filler(): string {
    return join(this.directory, 'filler');
  }
}
