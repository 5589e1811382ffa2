import { z } from 'zod';

/** A JSON Schema, or a part of one. */
export type JsonSchema = z.core.JSONSchema.BaseSchema;

/**
 * The JSON Schema of what a configuration's author may write: the input of a zod schema, with a
 * `${…}` reference allowed for every scalar.
 */
export function toJsonSchema(schema: z.ZodType, title: string): JsonSchema {
  const { $schema: dialect, ...body } = z.toJSONSchema(schema, {
    io: 'input',
    override: ({ jsonSchema }) => allowReference(jsonSchema),
  });
  return {
    ...(dialect === undefined ? {} : { $schema: dialect }),
    title,
    ...body,
    $defs: { ...body.$defs, reference: referenceSchema },
  };
}

const referenceSchema: JsonSchema = {
  type: 'string',
  pattern: '\\$\\{(env|file):[^}]+\\}',
  description: 'Substituted: ${env:NAME}, ${env:NAME:-default} or ${file:/path}',
};

const constraints = [
  'type',
  'pattern',
  'format',
  'enum',
  'minimum',
  'maximum',
  'minLength',
] as const;

/** Moves what a scalar's text must be into one branch, with a reference as the other. */
function allowReference(schema: JsonSchema): void {
  const free = schema.type === 'string' && !constraints.slice(1, 4).some((key) => key in schema);
  const scalar = ['string', 'number', 'integer', 'boolean'].includes(String(schema.type));
  if (!scalar || free || 'const' in schema) return;
  const strict: JsonSchema = {};
  for (const key of constraints) {
    if (!(key in schema)) continue;
    Object.assign(strict, { [key]: schema[key] });
    Reflect.deleteProperty(schema, key);
  }
  schema.anyOf = [strict, { $ref: '#/$defs/reference' }];
}
