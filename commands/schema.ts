import { agentJsonSchema, fleetJsonSchema } from '#agent/config/json-schema';
import { collectorJsonSchema } from '#collector/config/json-schema';
import { defineCommand } from './command.ts';

const schemas = {
  agent: agentJsonSchema,
  fleet: fleetJsonSchema,
  collector: collectorJsonSchema,
};

/** Prints the JSON Schema of what this program accepts. */
export const command = defineCommand({
  options: (parser) =>
    parser
      .positional('part', { choices: ['agent', 'fleet', 'collector'] as const, demandOption: true })
      .example('$0 schema agent > agent.schema.json', '')
      .epilogue(
        'fleet is for files that an agent includes. Then, as the first line of the YAML:\n# yaml-language-server: $schema=./agent.schema.json',
      ),
  run({ part }) {
    process.stdout.write(`${JSON.stringify(schemas[part](), undefined, 2)}\n`);
    return Promise.resolve(0 as const);
  },
});
