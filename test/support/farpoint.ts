import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export const program = join(import.meta.dirname, '../../bin/farpoint.js');

/** Nothing outlives the tests, not even what one that failed did not come to dispose of. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill();
});

/** The real program as a process of its own, with what it printed. Disposing stops it gracefully, then by force. */
export class Farpoint implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  #output = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#exited = once(child, 'exit');
    running.add(child);
    child.once('exit', () => running.delete(child));
    child.stdout?.on('data', (chunk: Buffer) => (this.#output += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (this.#output += chunk.toString()));
  }

  /** `wrapper` is a command that runs it, for example with fewer privileges. */
  static start(
    args: readonly string[],
    environment: Readonly<Record<string, string>> = {},
    wrapper: readonly string[] = [],
  ): Farpoint {
    return Farpoint.startOther([...wrapper, process.execPath, program, ...args], environment);
  }

  /** Another program, looked after in the same way. */
  static startOther(
    [command = '', ...args]: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ): Farpoint {
    return new Farpoint(
      spawn(command, args, {
        env: { PATH: process.env['PATH'], ...environment },
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    );
  }

  /** Everything printed so far, both streams. */
  get output(): string {
    return this.#output;
  }

  get pid(): number {
    return this.#child.pid ?? Number.NaN;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Sends the signal and waits for the end; gives the exit code, null after a fatal signal. */
  async stop(
    signal: 'SIGTERM' | 'SIGKILL' | 'SIGINT' | 'SIGHUP' = 'SIGTERM',
  ): Promise<number | null> {
    if (this.running) this.#child.kill(signal);
    return this.exited();
  }

  /** Waits for the process to end by itself. */
  async exited(): Promise<number | null> {
    if (this.running) await this.#exited;
    return this.#child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.running) return;
    this.#child.kill('SIGTERM');
    const force = setTimeout(() => this.#child.kill('SIGKILL'), 10_000);
    await this.#exited;
    clearTimeout(force);
  }
}
