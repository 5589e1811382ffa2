import { z } from 'zod';
import type { CheckType } from '#checks/check';
import { checkTypes } from '#checks/registry';
import { checkShape, fleetShape } from '#lib/fleet/schema';
import { toJsonSchema, type JsonSchema } from '#lib/json-schema';
import { duration } from '#lib/scalars';
import { agentShape } from './schema.ts';

/** What an agent's file may hold, for editors and for the reference. */
export function agentJsonSchema(types: readonly CheckType[] = checkTypes): JsonSchema {
  const checks = types.map(checkSchema);
  const file = z.strictObject({
    ...agentShape,
    ...fleetShape,
    checks: z.array(z.union(checks)).optional().describe('What is checked'),
  });
  return toJsonSchema(file, 'Farpoint agent');
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
