import { z } from 'zod';
import { cronMistake } from '../cron.ts';
import { duration, labels, line, name, version } from '../scalars.ts';

const target = line.describe('What is monitored: a URL, a host, a file; never with credentials');
const positive = duration.refine((ms) => ms > 0, 'expected more than 0');
const scheduleShape = {
  every: positive
    .optional()
    .describe('Time between two runs; 60s where neither this nor cron is given'),
  cron: z
    .string()
    .superRefine((expression, context) => {
      const mistake = cronMistake(expression);
      if (mistake !== undefined) context.addIssue(mistake);
    })
    .optional()
    .describe(
      'When to run, as a cron expression of five fields, or six with seconds first; in quotes',
    ),
  timezone: line
    .refine(isTimezone, 'expected a time zone such as Europe/Berlin or UTC')
    .optional()
    .describe('Time zone of cron, the same in every region; UTC where absent'),
};
const placeShape = {
  service: line.optional().describe('What the target belongs to; becomes job in Prometheus'),
  regions: z.array(name).min(1).optional().describe('Where to run; in all regions where absent'),
  agents: z
    .array(name)
    .min(1)
    .optional()
    .describe('The only agents to run it, for example because a log is on one host'),
  labels: labels.optional(),
};
const timeoutDescription =
  'Deadline of a whole run, at most the time between two; 10s, or that time where it is shorter';

/** The keys every check has. */
export const checkShape = {
  name: name.describe('Unique in the fleet; becomes the label check'),
  type: line,
  target: target.optional(),
  targets: z.array(target).min(1).optional().describe('Several targets, instead of target'),
  ...scheduleShape,
  timeout: z
    .union([
      positive,
      z.looseObject({
        total: positive.optional().describe('The same, beside deadlines within the run'),
      }),
    ])
    .optional()
    .describe(timeoutDescription),
  ...placeShape,
};

const defaults = z.strictObject({
  ...scheduleShape,
  timeout: positive.optional().describe(timeoutDescription),
  ...placeShape,
});

/** The keys of a fleet beside its checks. */
export const fleetShape = {
  include: z
    .array(line)
    .optional()
    .describe(
      'Further files with regions, defaults or checks; * matches names; relative to this file',
    ),
  regions: z.array(name).min(1).optional().describe('Every region there is, in order'),
  defaults: defaults
    .optional()
    .describe('What checks have that do not say otherwise; labels are added to those of the check'),
};

/** The keys of a file that is included: it includes no others. */
export const includedShape = {
  version: version.optional(),
  regions: fleetShape.regions,
  defaults: fleetShape.defaults,
};

/** For a reader that may be older than the file: defaults it does not know are left alone. */
export const defaultsOfAnyVersion = defaults.strip().optional();

/** That there is a list of maps; what is in them depends on their type. */
export const checkListSchema = z.looseObject({ checks: z.array(z.looseObject({})).nullish() });

/** Keys at the top of a file that are the fleet's. */
export const fleetKeys: readonly string[] = [...Object.keys(fleetShape), 'checks', 'maintenance'];
/** Keys a later version will have: refused by name until then. */
export const notBuiltFleetKeys: readonly string[] = ['maintenance'];
export const notBuiltTypes: readonly string[] = ['heartbeat'];

function isTimezone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
