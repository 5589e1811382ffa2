import type { Argv } from 'yargs';

/** 0: all is well; 1: something is down; 2: usage or configuration; 3: something could not be judged. */
export type ExitCode = 0 | 1 | 2 | 3;

/** One command, in a file of its own that is imported only when it is called. */
export interface Command<Arguments extends object = object> {
  /** Declares options and positionals; everything else is refused. */
  options(parser: Argv): Argv<Arguments>;
  /** Does the work. The signal aborts at the first SIGINT or SIGTERM; a second one ends the process. */
  run(options: Arguments, signal: AbortSignal): Promise<ExitCode>;
}

export function defineCommand<Arguments extends object>(command: Command<Arguments>): Command {
  return command;
}

/** A mistake on the command line: shown as it is, with exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
