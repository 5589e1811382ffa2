import { z } from 'zod';
import { type CheckType } from '#checks/check';
import { checkTypes } from '#checks/registry';
import {
  ConfigurationReading,
  suggestion,
  type References,
  type Section,
} from '#lib/configuration';
import { readFleet, type Fleet, type FleetCheck, type ReadCheck } from '#lib/fleet';
import { checkShape, fleetKeys, notBuiltTypes } from '#lib/fleet-schema';
import { logLevels, type LogLevel } from '#lib/log';
import { duration, line, name, secret, size } from '#lib/scalars';
import { type Secret } from '#lib/secret';
import { type CheckPlan } from './plan.ts';

/** Everything an agent is told. */
export interface AgentConfiguration {
  readonly region: string;
  /** Stable over restarts; the region where none was given. */
  readonly name: string;
  readonly dataDirectory: string;
  readonly outbox: { readonly bytesMax: number; readonly ageMaxMs: number };
  readonly collector: {
    /** Base addresses, tried in this order; `/v1/metrics` and `/v1/logs` are appended. */
    readonly urls: readonly string[];
    /** `id.secret`; undefined where the endpoint wants none. */
    readonly key: Secret | undefined;
  };
  readonly log: { readonly level: LogLevel };
  readonly fleet: Fleet;
  /** One line for each check and target this agent is to run. */
  readonly plans: readonly CheckPlan[];
  /** Names of checks it does not run, by the reason. */
  readonly skipped: {
    readonly region: readonly string[];
    readonly agent: readonly string[];
    readonly only: readonly string[];
  };
}

const collectorUrl = line
  .refine(isCollectorUrl, 'expected http://host:port or https://host, without credentials')
  .describe('Base address; /v1/metrics and /v1/logs are appended');

/** Keys of this process; the fleet's keys stand beside them in the same file. */
export const agentShape = {
  version: z.literal(1, 'expected version: 1'),
  agent: z
    .strictObject({
      region: name.describe('Where this agent is: one of regions'),
      name: name.optional().describe('Stable name, never a container id; the region where absent'),
      only: z
        .union([line, z.array(name).min(1)])
        .transform((only) => (typeof only === 'string' ? only.split(/[\s,]+/) : only))
        .optional()
        .describe('The only checks to run, of those for its region; a list, or names with commas'),
      data: line
        .default('/var/lib/farpoint')
        .describe('Folder of the outbox and of log positions; locked by one process'),
      outbox: z
        .strictObject({
          size: size.prefault('1GiB').describe('What may wait for the collector, in bytes…'),
          age: duration
            .prefault('7d')
            .describe('…and in time; beyond, the oldest is dropped and counted'),
        })
        .prefault({}),
    })
    .describe('This process'),
  collector: z
    .strictObject({
      urls: z.array(collectorUrl).min(1).describe('Any OTLP/HTTP endpoint; tried in this order'),
      key: secret.optional().describe('id.secret, printed by farpoint key new'),
    })
    .describe('Where results go'),
  log: z
    .strictObject({ level: z.enum(logLevels).default('info') })
    .prefault({})
    .describe('What is logged, as JSON lines on standard output'),
};
const agentSchema = z.strictObject(agentShape);
const notBuilt = ['agent.canaries', 'agent.egress', 'egress'];
const notBuiltCheckKeys = ['confirm'];

/**
 * Reads an agent's file with what it includes. Throws a ConfigurationError with every mistake at
 * once. `types` are the check types there are.
 */
export function loadAgentConfiguration(
  file: string,
  references: References,
  types: readonly CheckType[] = checkTypes,
): AgentConfiguration {
  const reading = new ConfigurationReading(references);
  const top = reading.open(file) ?? reading.fail();
  const own = reading.substitute(reading.pick(top, (key) => !fleetKeys.includes(key)));
  const process = reading.validate(agentSchema, own, { alsoKnown: fleetKeys, notBuilt });
  const { fleet, checks } = readFleet(reading, file, top);
  const settings = new Map(
    checks.map((check) => [check.common, readSettings(reading, check, types)]),
  );
  if (process !== undefined) checkAgent(reading, own, { process, fleet, checks });
  if (process === undefined || reading.failed) return reading.fail();
  const { agent, collector, log } = process;
  const identity = { region: agent.region, name: agent.name ?? agent.region };
  return {
    ...identity,
    dataDirectory: agent.data,
    outbox: { bytesMax: agent.outbox.size, ageMaxMs: agent.outbox.age },
    collector: { urls: collector.urls, key: collector.key },
    log,
    fleet,
    ...planChecks(fleet.checks, { ...identity, only: agent.only, settings }),
  };
}

function isCollectorUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) return false;
  return url.username === '' && url.password === '' && url.search === '' && url.hash === '';
}

/** Validates what a check has beside the common keys by the schema of its type. */
function readSettings(
  reading: ConfigurationReading,
  { section, common }: ReadCheck,
  types: readonly CheckType[],
): unknown {
  const written = section['type'];
  if (typeof written !== 'string' || notBuiltTypes.includes(written)) return undefined;
  const type = types.find((candidate) => candidate.type === written);
  if (type === undefined) {
    const names = types.map((candidate) => candidate.type);
    const hint = suggestion(written, names);
    const message = `no such type of check${hint}; there are ${names.join(', ')}`;
    reading.mistake(section, ['type'], message);
    return undefined;
  }
  const hasTimeouts = Object.hasOwn(type.settings.shape, 'timeout');
  const ownTimeouts = hasTimeouts && typeof section['timeout'] === 'object';
  if (!hasTimeouts && typeof section['timeout'] === 'object') {
    reading.mistake(section, ['timeout'], 'expected a duration such as 10s');
  }
  const keys = reading.substitute(
    reading.pick(
      section,
      (key) => !Object.hasOwn(checkShape, key) || (key === 'timeout' && ownTimeouts),
    ),
  );
  if (common !== undefined) checkCommon(reading, { section, common, type });
  return reading.validate(type.settings.strict(), keys, {
    alsoKnown: Object.keys(checkShape),
    notBuilt: [...notBuiltCheckKeys, ...(type.notBuilt ?? [])],
  });
}

/** What only the type knows of the common keys. */
function checkCommon(
  reading: ConfigurationReading,
  {
    section,
    common,
    type,
  }: { readonly section: Section; readonly common: FleetCheck; readonly type: CheckType },
): void {
  for (const [index, target] of common.targets.entries()) {
    const path = Object.hasOwn(section, 'targets') ? ['targets', index] : ['target'];
    const message = type.validateTarget(target);
    if (message !== undefined) reading.mistake(section, path, message);
  }
  for (const { name, attributes = [] } of type.metrics) {
    for (const label of Object.keys(common.labels)) {
      if (!attributes.some((attribute) => attribute.replaceAll('.', '_') === label)) continue;
      reading.mistake(
        section,
        ['labels', label],
        `is an attribute of ${name}; choose another name`,
      );
    }
  }
}

/** What must fit together between the process and the fleet. */
function checkAgent(
  reading: ConfigurationReading,
  own: Section,
  {
    process,
    fleet,
    checks,
  }: {
    readonly process: z.output<typeof agentSchema>;
    readonly fleet: Fleet;
    readonly checks: readonly ReadCheck[];
  },
): void {
  const { region, only = [] } = process.agent;
  const regionKnown = reading.isKnown(own, ['agent', 'region']) && fleet.regions.length > 0;
  if (regionKnown && !fleet.regions.includes(region)) {
    const message = `${region} is not one of regions${suggestion(region, fleet.regions)}`;
    reading.mistake(own, ['agent', 'region'], message);
  }
  const names = checks
    .map(({ section }) => section['name'])
    .filter((name) => typeof name === 'string');
  if (!reading.isKnown(own, ['agent', 'only'])) return;
  for (const name of only) {
    if (names.includes(name)) continue;
    reading.mistake(own, ['agent', 'only'], `there is no check ${name}${suggestion(name, names)}`);
  }
}

function planChecks(
  checks: readonly FleetCheck[],
  {
    region,
    name,
    only,
    settings,
  }: {
    readonly region: string;
    readonly name: string;
    readonly only: readonly string[] | undefined;
    readonly settings: ReadonlyMap<FleetCheck | undefined, unknown>;
  },
): Pick<AgentConfiguration, 'plans' | 'skipped'> {
  const elsewhere = checks.filter((check) => !check.regions.includes(region));
  const here = checks.filter((check) => check.regions.includes(region));
  const pinned = here.filter(({ agents }) => agents !== undefined && !agents.includes(name));
  const ours = here.filter(({ agents }) => agents === undefined || agents.includes(name));
  const chosen = ours.filter((check) => only === undefined || only.includes(check.name));
  const unchosen = ours.filter((check) => only !== undefined && !only.includes(check.name));
  return {
    plans: chosen.flatMap((check) => plan(check, region, settings.get(check))),
    skipped: { region: namesOf(elsewhere), agent: namesOf(pinned), only: namesOf(unchosen) },
  };
}

function plan(check: FleetCheck, region: string, settings: unknown): readonly CheckPlan[] {
  const { name, targets, regions, agents: _, ...common } = check;
  return targets.map((target) => ({
    ...common,
    check: name,
    target,
    regionIndex: regions.indexOf(region),
    regionCount: regions.length,
    settings,
  }));
}

function namesOf(checks: readonly FleetCheck[]): readonly string[] {
  return checks.map(({ name }) => name);
}
