import { newKey } from '#lib/key';
import { name } from '#lib/scalars';
import { defineCommand, UsageError } from './command.ts';

/** Prints a new key once: what the agent keeps, and the line for the collector, which knows only its hash. */
export const command = defineCommand({
  options: (parser) =>
    parser
      .positional('action', { choices: ['new'] as const, demandOption: true })
      .option('agent', {
        type: 'string',
        array: true,
        demandOption: true,
        describe: 'Agent that may use it',
      })
      .option('region', {
        type: 'string',
        array: true,
        demandOption: true,
        describe: 'Region it may report for',
      })
      .option('expires', {
        type: 'string',
        requiresArg: true,
        describe: 'Last day it is valid, for example 2027-06-30',
      })
      .example('$0 key new --agent eu-west --region eu-west', ''),
  run({ agent, region, expires }) {
    for (const given of [...agent, ...region]) {
      if (!name.safeParse(given).success) throw new UsageError(`${given} is not a name`);
    }
    if (expires !== undefined && !isDay(expires)) {
      throw new UsageError('--expires wants a day such as 2027-06-30');
    }
    const key = newKey();
    const fields = [
      `id: '${key.id}'`,
      `sha256: '${key.sha256}'`,
      `agents: [${agent.join(', ')}]`,
      `regions: [${region.join(', ')}]`,
      ...(expires === undefined ? [] : [`expires: '${expires}'`]),
    ];
    process.stdout.write(
      [
        'The key, shown only now; keep it where the agent reads it (collector.key):',
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

function isDay(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text));
}
