import { examineAgentConfiguration } from '#agent/config';
import { examineCollectorConfiguration } from '#collector/config';
import { ConfigurationError, formatMistake, type References } from '#lib/configuration';
import { defineCommand, UsageError, type ExitCode } from './command.ts';
import { differences } from './validate/differences.ts';
import { kindOfFile } from './validate/kind.ts';
import { describeAgent, describeCollector } from './validate/meaning.ts';

/** Tells every mistake in the files, or what they mean. Nothing outside them is read unless asked for. */
export const command = defineCommand({
  options: (parser) =>
    parser
      .positional('files', { type: 'string', array: true, describe: 'Configurations to read' })
      .option('config', {
        alias: 'c',
        type: 'string',
        array: true,
        requiresArg: true,
        describe: 'The same as FILE',
      })
      .option('resolve', {
        type: 'boolean',
        default: false,
        describe: 'Also resolve ${env:…} and ${file:…}, as the running process would',
      })
      .option('against', {
        type: 'string',
        requiresArg: true,
        describe: 'An older agent configuration: tell what changes',
      })
      .example('$0 validate agent.yaml collector.yaml', ''),
  run({ files = [], config = [], resolve, against }) {
    const chosen = [...files, ...config];
    if (chosen.length === 0) throw new UsageError('name a configuration to validate');
    const references = { env: process.env, resolve };
    const reports = chosen.map((file) => examine(file, { references, against }));
    for (const { text } of reports) process.stdout.write(`${text}\n`);
    return Promise.resolve<ExitCode>(reports.every(({ valid }) => valid) ? 0 : 2);
  },
});

interface Report {
  readonly valid: boolean;
  readonly text: string;
}

function examine(
  file: string,
  {
    references,
    against,
  }: { readonly references: References; readonly against?: string | undefined },
): Report {
  try {
    if (kindOfFile(file) === 'collector') {
      const examination = examineCollectorConfiguration(file, references);
      return { valid: true, text: describeCollector(file, examination, Date.now()) };
    }
    const examination = examineAgentConfiguration(file, references);
    const meaning = describeAgent(file, examination);
    if (against === undefined) return { valid: true, text: meaning };
    const before = examineAgentConfiguration(against, references);
    return { valid: true, text: `${meaning}\n\n${differences(before, examination)}` };
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    const { mistakes } = error;
    const count = mistakes.length === 1 ? '1 mistake' : `${mistakes.length} mistakes`;
    const wrong = mistakes.every((mistake) => mistake.file === against) ? against : file;
    return {
      valid: false,
      text: [...mistakes.map(formatMistake), `${wrong}: ${count}`].join('\n'),
    };
  }
}
