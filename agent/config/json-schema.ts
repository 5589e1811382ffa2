import { z } from 'zod';
import type { CheckType } from '#checks/check';
import { checkTypes } from '#checks/registry';
import { checkShape, fleetShape, includedShape } from '#lib/fleet/schema';
import { toJsonSchema, type JsonSchema } from '#lib/json-schema';
import { duration } from '#lib/scalars';
import { agentShape } from './schema.ts';

/** What an agent's file may hold, for editors and for the reference. */
export function agentJsonSchema(types: readonly CheckType[] = checkTypes): JsonSchema {
  const file = z.strictObject({ ...agentShape, ...fleetShape, checks: checksSchema(types) });
  return toJsonSchema(file, 'Farpoint agent');
}

/** What a file may hold that an agent's file includes. */
export function fleetJsonSchema(types: readonly CheckType[] = checkTypes): JsonSchema {
  const file = z.strictObject({ ...includedShape, checks: checksSchema(types) });
  return toJsonSchema(file, 'Farpoint fleet, as an included file');
}

function checksSchema(types: readonly CheckType[]): z.ZodType {
  return z
    .array(z.union(types.map(checkSchema)))
    .optional()
    .describe('What is checked');
}

function checkSchema({ type, summary, settings }: CheckType): z.ZodType {
  const own = settings.shape['timeout'];
  const timeout = own === undefined ? duration.optional() : z.union([duration, own]);
  return settings
    .safeExtend({
      ...checkShape,
      type: z.literal(type),
      timeout: timeout.describe(checkShape.timeout.description ?? ''),
    })
    .strict()
    .describe(summary);
}
