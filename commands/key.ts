import { z } from 'zod';
import { scopes } from '#collector/config/schema';
import { newKey } from '#lib/key';
import { name } from '#lib/scalars';
import { defineCommand, UsageError } from './command.ts';

/** Prints a new key once: what the agent or another sender keeps, and the line for the collector, which knows only its hash. */
export const command = defineCommand({
  options: (parser) =>
    parser
      .positional('action', { choices: ['new'] as const, demandOption: true })
      .option('agent', {
        type: 'string',
        array: true,
        default: [],
        describe: 'Agent that may use it',
      })
      .option('region', {
        type: 'string',
        array: true,
        default: [],
        describe: 'Region it may report for',
      })
      .option('scope', {
        choices: scopes,
        array: true,
        default: [],
        describe: 'What else it may do; read: ask for results',
      })
      .option('stranger', {
        type: 'boolean',
        default: false,
        describe: 'For a sender that is no agent: an OpenTelemetry SDK or collector',
      })
      .option('expires', {
        type: 'string',
        requiresArg: true,
        describe: 'Last day it is valid, for example 2027-06-30',
      })
      .example('$0 key new --agent eu-west --region eu-west', ''),
  run({ agent, region, scope, stranger, expires }) {
    const isForAgent = agent.length > 0 && region.length > 0;
    if (!isForAgent && scope.length === 0 && !stranger) {
      const choices = '--agent NAME --region NAME, --scope read or --stranger';
      throw new UsageError(`say whom the key is for: ${choices}`);
    }
    if (stranger && agent.length + region.length + scope.length > 0) {
      throw new UsageError('a key for a --stranger has no agent, region or scope');
    }
    for (const given of [...agent, ...region]) {
      if (!name.safeParse(given).success) throw new UsageError(`"${given}" is no name`);
    }
    if (expires !== undefined && !z.iso.date().safeParse(expires).success) {
      throw new UsageError('--expires wants a day such as 2027-06-30');
    }
    if (expires !== undefined && expires < new Date().toISOString().slice(0, 10)) {
      throw new UsageError(`--expires ${expires} is over: the key would never be valid`);
    }
    const key = newKey();
    const fields = [
      `id: '${key.id}'`,
      `sha256: '${key.sha256}'`,
      ...list('agents', agent),
      ...list('regions', region),
      ...list('scopes', scope),
      ...(expires === undefined ? [] : [`expires: '${expires}'`]),
    ];
    process.stdout.write(
      [
        'The key, shown only now; for an agent, keep it where collector.key reads it:',
        '',
        `  ${key.text}`,
        '',
        "The line for keys: in the collector's configuration:",
        '',
        `  - { ${fields.join(', ')} }`,
        '',
      ].join('\n'),
    );
    return Promise.resolve(0 as const);
  },
});

function list(key: string, values: readonly string[]): readonly string[] {
  return values.length === 0 ? [] : [`${key}: [${values.map((value) => `'${value}'`).join(', ')}]`];
}
