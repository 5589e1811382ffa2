import type { Argv } from 'yargs';
import type { References } from '#lib/configuration';
import { UsageError } from './command.ts';

interface FileArguments {
  readonly file?: string | undefined;
  readonly config: string | undefined;
}

/** `-c FILE` and a positional FILE, which a command's usage names as `[file]`. */
export function configurationFile<Arguments>(
  parser: Argv<Arguments>,
): Argv<Arguments & FileArguments> {
  return configurationOption(
    parser.positional('file', { type: 'string', describe: 'Configuration, as with -c' }),
  );
}

/** `-c FILE` alone, for commands whose positionals are something else. */
export function configurationOption<Arguments>(
  parser: Argv<Arguments>,
): Argv<Arguments & Pick<FileArguments, 'config'>> {
  return parser.option('config', {
    alias: 'c',
    type: 'string',
    requiresArg: true,
    describe: 'Configuration to read; the one in /etc/farpoint where absent',
  });
}

/** The file that was named in one of the two ways; otherwise the one of the installation. */
export function chosenFile(named: FileArguments, part: 'agent' | 'collector'): string {
  return namedFile(named) ?? `/etc/farpoint/${part}.yaml`;
}

/** The file that was named in one of the two ways. */
export function namedFile({ file, config }: FileArguments): string | undefined {
  if (file !== undefined && config !== undefined) {
    throw new UsageError('give the configuration as FILE or with -c, not both');
  }
  return file ?? config;
}

/** References as a running process resolves them. */
export const processReferences: References = { env: process.env, resolve: true };
