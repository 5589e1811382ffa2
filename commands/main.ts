import { constants } from 'node:os';
import yargs, { type Argv } from 'yargs';
import { hideBin } from 'yargs/helpers';
import { ConfigurationError } from '#lib/configuration/mistake';
import { UsageError, type Command } from './command.ts';
import { readVersion } from './version.ts';

interface Entry {
  readonly usage: string;
  readonly summary: string;
  load(): Promise<{ readonly command: Command }>;
}

const commands: readonly Entry[] = [
  {
    usage: 'demo',
    summary: 'Show a service, agents in three regions and a collector at work on this machine',
    load: () => import('./demo.ts'),
  },
  {
    usage: 'agent [file]',
    summary: 'Run the checks of a region and deliver what they saw',
    load: () => import('./agent.ts'),
  },
  {
    usage: 'collector [file]',
    summary: 'Receive results, keep them safe, forward them',
    load: () => import('./collector.ts'),
  },
  {
    usage: 'health [file]',
    summary: 'Tell whether the agent or the collector of this host is at work',
    load: () => import('./health.ts'),
  },
  {
    usage: 'run [names..]',
    summary: 'Run configured checks once and tell what they see',
    load: () => import('./run.ts'),
  },
  {
    usage: 'probe <type> [target]',
    summary: 'Look at one target now, phase by phase',
    load: () => import('./probe.ts'),
  },
  {
    usage: 'validate [files..]',
    summary: 'Tell every mistake in configurations, and what they mean',
    load: () => import('./validate.ts'),
  },
  {
    usage: 'schema <part>',
    summary: 'Print the JSON Schema of a configuration, for the editor',
    load: () => import('./schema.ts'),
  },
  {
    usage: 'grafana',
    summary: 'Write dashboards and alert rules for Grafana and Prometheus',
    load: () => import('./grafana.ts'),
  },
  {
    usage: 'key <action>',
    summary: 'Make a key for an agent, and the line for the collector',
    load: () => import('./key.ts'),
  },
];
/** A terminal and npm both pass on one Ctrl-C: what follows the first signal this soon is the same wish. */
const sameWishMs = 1000;
/** For what was printed to arrive. */
const lastWordsMs = 200;
const synopsis = '$0 <command>\n\nSynthetic monitoring that tells the truth and loses nothing';

await main(hideBin(process.argv));

async function main(words: readonly string[]): Promise<void> {
  const stop = abortOnSignals();
  let parser = yargs([...words])
    .scriptName('farpoint')
    .usage(synopsis)
    .version(readVersion())
    .alias({ help: 'h', version: 'V' })
    .strict()
    .recommendCommands()
    .demandCommand(1, 'name a command')
    .exitProcess(false)
    .fail((message: string | null, error: Error | undefined) => {
      throw error ?? new UsageError(inWords(message ?? undefined, words[0]));
    });
  for (const entry of commands) parser = register(parser, entry, stop);
  try {
    if (words.length > 0) return void (await parser.parseAsync());
    process.stderr.write(`${await parser.getHelp()}\n`);
    process.exitCode = 2;
  } catch (error) {
    process.stderr.write(`${explain(error, helpFor(words[0]))}\n`);
    process.exitCode = 2;
  }
}

function register(parser: Argv, entry: Entry, stop: AbortSignal): Argv {
  return parser.command(
    entry.usage,
    entry.summary,
    async (inner) => (await entry.load()).command.options(inner),
    async (options) => {
      refuseRepetition(options, parser);
      process.exitCode = await (await entry.load()).command.run(options, stop);
      // What was broken off may hold a socket for a while, and must not hold up the end.
      const end = (): unknown => setTimeout(() => process.exit(), lastWordsMs).unref();
      if (stop.aborted) end();
      else stop.addEventListener('abort', end);
    },
  );
}

/**
 * The first SIGINT or SIGTERM asks the command to stop, as does a terminal or reader that is gone; a
 * second signal, a second later or more, ends the process, and what it started.
 */
function abortOnSignals(): AbortSignal {
  const controller = new AbortController();
  let abortedMs = 0;
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (!controller.signal.aborted) {
        abortedMs = performance.now();
        controller.abort(new DOMException(`stopped by ${name}`, 'AbortError'));
      } else if (performance.now() - abortedMs > sameWishMs) {
        process.exit(128 + constants.signals[name]);
      }
    });
  }
  process.stdout.on('error', (error) => controller.abort(error));
  return controller.signal;
}

/** yargs makes a list of an option that is given twice, whether or not it is one. */
function refuseRepetition(options: Readonly<Record<string, unknown>>, parser: Argv): void {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- its types leave this method out
  const { array } = (parser as unknown as { getOptions(): { array: string[] } }).getOptions();
  const names = Object.keys(options).filter((name) => /^[a-z-]{2,}$/.test(name));
  const repeated = names.find((name) => Array.isArray(options[name]) && !array.includes(name));
  if (repeated !== undefined) throw new UsageError(`give --${repeated} only once`);
}

function inWords(message: string | undefined, word: string | undefined): string {
  if (message === undefined) return 'not understood';
  const [, option] = /^Not enough arguments following: (.*)$/.exec(message) ?? [];
  if (option !== undefined) return `${option.length > 1 ? '--' : '-'}${option} needs a value`;
  const [, proposal] = /^Did you mean (.*)\?$/.exec(message) ?? [];
  if (proposal !== undefined) return `there is no command ${word} (did you mean ${proposal}?)`;
  if (message === `Unknown argument: ${word}`) return `there is no command ${word}`;
  return message.startsWith('Not enough non-option arguments') ? 'an argument is missing' : message;
}

function helpFor(word: string | undefined): string {
  const command = commands.find(({ usage }) => usage.split(' ')[0] === word);
  return `See farpoint ${command === undefined ? '' : `${word} `}--help.`;
}

/** Failures at start say in a sentence what cannot be done; anything else is a bug, with its stack. */
function explain(error: unknown, help: string): string {
  if (error instanceof ConfigurationError) return error.message;
  if (!(error instanceof Error)) return `farpoint: ${String(error)}`;
  // yargs throws one of its own past the handler of failures, for an option without its value.
  const isUsage = error instanceof UsageError || error.name === 'YError';
  if (isUsage) return `farpoint: ${inWords(error.message, undefined)}\n${help}`;
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : '';
  if (error.message.startsWith('cannot ')) return `farpoint: ${error.message}${cause}`;
  return `farpoint: this is a bug, please report it\n${error.stack ?? error.message}${cause}`;
}
