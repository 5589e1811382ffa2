import { z } from 'zod';
import { toJsonSchema, type JsonSchema } from '#lib/json-schema';
import { sinkTypes } from '../sinks/registry.ts';
import type { SinkType } from '../sinks/sink.ts';
import { collectorShape, sinkShape } from './schema.ts';

/** What a collector's file may hold, for editors and for the reference. */
export function collectorJsonSchema(types: readonly SinkType[] = sinkTypes): JsonSchema {
  const sinks = types.map(({ type, summary, settings }) =>
    settings
      .safeExtend({ ...sinkShape, type: z.literal(type) })
      .strict()
      .describe(summary),
  );
  const file = z.strictObject({
    ...collectorShape,
    sinks: z.array(z.union(sinks)).optional().describe('Where data goes; history where absent'),
  });
  return toJsonSchema(file, 'Farpoint collector');
}
