import { z } from 'zod';
import { messageOf } from '#lib/error-message';
import {
  type Format,
  type Layout,
  parseLogFormat,
  presetNames,
  presets,
  roles,
} from '../parser/format.ts';
import { regexProblem } from '../parser/regex.ts';

const logFormat = z
  .string()
  .transform((text, context): Layout => {
    try {
      return parseLogFormat(text);
    } catch (error) {
      const message = messageOf(error);
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    }
  })
  .describe('An nginx log_format: the bare format, or the directive pasted from nginx.conf');

const keys = z
  .partialRecord(z.enum(roles), z.string().min(1))
  .refine(
    (keys) => Object.keys(keys).length > 0,
    `expected the key of at least one of ${roles.join(', ')}`,
  )
  .describe('Lines are JSON objects: which key is what; a.b is the key b of the object a');

const expression = z
  .string()
  .superRefine((source, context) => {
    const message = regexProblem(source);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  })
  .describe(
    `Any other log: a regular expression with named groups, of which these have a meaning: ${roles.join(', ')}`,
  );

const unit = z.enum(['s', 'ms', 'us', 'ns']).default('s').describe('Unit of duration and upstream');

/** The `format` key. */
export const formatSettings = z
  .union([
    z.strictObject({ preset: z.enum(presetNames).describe('A format that many servers write') }),
    z.strictObject({ nginx: logFormat }),
    z.strictObject({ json: keys, unit }),
    z.strictObject({ regex: expression, unit }),
  ])
  .transform((settings): Format => {
    if ('preset' in settings) return parseLogFormat(presets[settings.preset]);
    if ('nginx' in settings) return settings.nginx;
    if ('json' in settings) return { kind: 'json', keys: settings.json, unit: settings.unit };
    return { kind: 'regex', source: settings.regex, unit: settings.unit };
  })
  .prefault({ preset: 'nginx-combined' })
  .describe('How the lines are written');
