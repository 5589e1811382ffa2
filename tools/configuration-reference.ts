import { z } from 'zod';
import { agentJsonSchema } from '#agent/config/json-schema';
import { collectorJsonSchema } from '#collector/config/json-schema';
import { sinkShape } from '#collector/config/schema';
import { isMap } from '#lib/configuration';
import { checkShape } from '#lib/fleet/schema';
import { toJsonSchema, type JsonSchema } from '#lib/json-schema';
import { duration, name, size } from '#lib/scalars';
import { code, table } from './markdown.ts';

const introduction = `# Configuration

<!-- Written by npm run generate from the schemas that also validate. -->

\`farpoint validate FILE\` tells every mistake with its place, and what a configuration means. For completion in an editor:
\`farpoint schema agent > agent.schema.json\`, and \`# yaml-language-server: $schema=./agent.schema.json\` as the first line;
\`farpoint schema fleet\` is for the files it includes, \`farpoint schema collector\` for the collector's.

Two files configure everything. The agent's has what is local to one process (\`agent\`, \`collector\`, \`log\`) and the
**fleet**, which is the same everywhere: \`regions\`, \`defaults\`, \`checks\`, in this file or in those it includes. The
collector's has its own keys and reads the fleet from the agents' file.

## Values

- A **duration** is a number and a unit: \`500ms\`, \`30s\`, \`5m\`, \`1.5h\`, \`7d\`, \`2w\`, \`1y\`. A **size** likewise: \`512B\`, \`20KiB\`, \`64MiB\`, \`1GB\`.
- A **name** is up to 63 letters, digits, dots, \`_\` and \`-\`, starting with a letter or digit.
- \`\${env:NAME}\`, \`\${env:NAME:-default}\` (also for an empty variable) and \`\${file:/path}\` (less one final newline) are
  substituted in values, after the YAML is read, so that nothing in them can change its structure. Unset variables and unreadable
  files are mistakes. An unquoted value that is one \`\${env:…}\` and nothing else has the type its text would have; where that is
  empty, the key counts as absent. \`$\${env:\` stands for \`\${env:\`; any other \`$\` is a plain dollar.
- Inside \`{ }\` and \`[ ]\`, quote references, and quote cron expressions everywhere: YAML gives \`{\` and \`*\` a meaning.
- Secrets are never shown: not in mistakes, logs or answers.`;

/** docs/configuration.md */
export function configurationReference(): string {
  const agent = agentJsonSchema();
  const collector = collectorJsonSchema();
  const parts = [
    introduction,
    `## Agent and fleet\n\n${keyTable(agent, (key) => key !== 'checks')}`,
    `## Checks\n\nThe list \`checks\`. Keys of every check:\n\n${variants(agent, 'checks', checkShape)}`,
    `## Collector\n\n${keyTable(collector, (key) => key !== 'sinks')}`,
    `## Sinks\n\nThe list \`sinks\` of the collector. Keys of every sink:\n\n${variants(collector, 'sinks', sinkShape)}`,
  ];
  return `${parts.join('\n\n')}\n`;
}

/** A list whose entries are told apart by `type`: the keys all of them have, then those of each type. */
function variants(file: JsonSchema, list: string, shape: z.ZodRawShape): string {
  const common = toJsonSchema(z.object(shape), '');
  const types = branches(schemaOf(schemaOf(file.properties?.[list]).items));
  const isOwn = (type: JsonSchema, key: string): boolean =>
    common.properties?.[key] === undefined || (key === 'timeout' && hasDeadlines(type));
  const sections = types.map((type) => {
    const name = schemaOf(type.properties?.['type']).const;
    const own = keyTable(type, (key) => isOwn(type, key));
    return `### ${String(name)}\n\n${type.description ?? ''}\n\n${own}`;
  });
  return [keyTable(common), ...sections].join('\n\n');
}

/** Whether a type of check has deadlines beside the one of the whole run. */
function hasDeadlines(type: JsonSchema): boolean {
  return branches(schemaOf(type.properties?.['timeout'])).some(({ type }) => type === 'object');
}

function keyTable(schema: JsonSchema, wanted: (key: string) => boolean = () => true): string {
  const rows = Object.entries(schema.properties ?? {})
    .filter(([key]) => wanted(key))
    .flatMap(([key, value]) =>
      rowsOf(key, schemaOf(value), schema.required?.includes(key) ?? false),
    );
  return rows.length === 0 ? 'No keys of its own.' : table(['key', 'value', 'default', ''], rows);
}

type Row = readonly string[];

/** A row for a key, and rows for what lies below it. */
function rowsOf(path: string, schema: JsonSchema, required: boolean): readonly Row[] {
  const own = [
    code(path),
    kindOf(schema),
    required ? '**required**' : defaultOf(schema),
    schema.description ?? '',
  ];
  return [own, ...branches(schema).flatMap((branch) => rowsBelow(path, branch))];
}

function rowsBelow(path: string, schema: JsonSchema): readonly Row[] {
  if (schema.type === 'array') return rowsBelow(`${path}[]`, schemaOf(schema.items));
  return Object.entries(schema.properties ?? {}).flatMap(([key, value]) =>
    rowsOf(`${path}.${key}`, schemaOf(value), schema.required?.includes(key) ?? false),
  );
}

/** The alternatives of a schema, less the reference that stands for any scalar. */
function branches(schema: JsonSchema): readonly JsonSchema[] {
  const alternatives = schema.anyOf ?? schema.oneOf;
  if (alternatives === undefined) return [schema];
  return alternatives.flatMap(branches).filter((branch) => branch.$ref === undefined);
}

function kindOf(schema: JsonSchema): string {
  return [...new Set(branches(schema).map(kindOfOne))].join(' or ');
}

const namedPatterns = new Map(
  Object.entries({ duration, size, name }).map(([word, schema]) => [patternOf(schema), word]),
);

function kindOfOne(schema: JsonSchema): string {
  if (schema.const !== undefined) return code(String(schema.const));
  if (schema.enum !== undefined) return schema.enum.map((value) => code(String(value))).join(', ');
  switch (schema.type) {
    case 'array':
      return `list of ${kindOf(schemaOf(schema.items))}`;
    case 'boolean':
      return '`true`, `false`';
    case 'integer':
    case 'number':
      return `${schema.type === 'integer' ? 'whole number' : 'number'}${range(schema)}`;
    case 'string':
      return namedPatterns.get(schema.pattern) ?? 'text';
    default:
      return 'map';
  }
}

function range({ minimum = Number.NaN, maximum = Number.NaN }: JsonSchema): string {
  const isBounded = (bound: number): boolean => Math.abs(bound) < Number.MAX_SAFE_INTEGER;
  if (isBounded(minimum) && isBounded(maximum)) return `, ${minimum} to ${maximum}`;
  if (isBounded(minimum)) return `, at least ${minimum}`;
  return isBounded(maximum) ? `, at most ${maximum}` : '';
}

function defaultOf({ default: value }: JsonSchema): string {
  const isEmpty = typeof value === 'object' && Object.keys(value ?? {}).length === 0;
  if (value === undefined || isEmpty) return '';
  return code(typeof value === 'string' ? value : JSON.stringify(value));
}

function patternOf(schema: Parameters<typeof toJsonSchema>[0]): string | undefined {
  return branches(toJsonSchema(schema, ''))[0]?.pattern;
}

function schemaOf(schema: unknown): JsonSchema {
  return isMap(schema) ? schema : {};
}
