import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const stopGraceMs = 8000;
const commandTimeoutMs = 10_000;

/** How to start Farpoint as a process of its own: the interpreter's path and the program's. */
export interface Launcher {
  readonly node: string;
  readonly program: string;
  readonly logFolder: string;
}

/** One running Farpoint process. Its output goes to a file; disposing asks it to stop, then insists. */
export class Program implements AsyncDisposable {
  readonly name: string;
  readonly #logFile: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  /** Nobody else would end it when this process is made to end at once. */
  readonly #kill = (): void => void this.#child.kill('SIGKILL');
  #stopping = false;

  constructor(launcher: Launcher, name: string, options: ProgramOptions) {
    this.name = name;
    this.#logFile = join(launcher.logFolder, `${name}.log`);
    const log = openSync(this.#logFile, 'a');
    this.#child = spawn(launcher.node, [launcher.program, ...options.arguments], {
      env: { ...options.environment },
      stdio: ['ignore', log, log],
      // Out of the terminal's reach: Ctrl-C is for the demo, which then stops its programs in order.
      detached: true,
    });
    closeSync(log);
    this.#exited = once(this.#child, 'exit');
    // Before whoever else has something to do then, such as to remove the folder it writes to.
    process.prependOnceListener('exit', this.#kill);
    this.#child.once('exit', () => process.off('exit', this.#kill));
  }

  /** Runs a short command to its end. */
  static run(
    { node, program }: Launcher,
    options: ProgramOptions,
  ): Promise<{ status: number; output: string }> {
    return new Promise((resolve) => {
      const settings = { env: { ...options.environment }, timeout: commandTimeoutMs };
      execFile(node, [program, ...options.arguments], settings, (error, stdout, stderr) => {
        resolve({ status: error === null ? 0 : 1, output: stdout + stderr });
      });
    });
  }

  /** Somebody else ended it: asked it to stop, or killed it. */
  get wasStopped(): boolean {
    const { exitCode, signalCode } = this.#child;
    return !this.#stopping && (exitCode === 0 || signalCode === 'SIGKILL');
  }

  /** Says why the process ended, when it gave up by itself: the last it printed. */
  get failure(): string | undefined {
    const { exitCode, signalCode } = this.#child;
    if (this.#stopping || this.wasStopped || (exitCode ?? signalCode) === null) return undefined;
    const lastWords = readFileSync(this.#logFile, 'utf8').trim().split('\n').at(-1);
    return `${this.name} ended with ${signalCode ?? `exit code ${exitCode}`}: ${lastWords}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGTERM');
    const patience = new AbortController();
    await Promise.race([
      this.#exited,
      delay(stopGraceMs, undefined, { signal: patience.signal, ref: false }).then(
        () => this.#child.kill('SIGKILL'),
        () => undefined,
      ),
    ]);
    patience.abort();
    await this.#exited;
  }
}

export interface ProgramOptions {
  readonly arguments: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
}
