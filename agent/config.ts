import type { z } from 'zod';
import type { CheckType } from '#checks/check';
import type { EgressSettings } from '#checks/net/egress';
import { checkTypes } from '#checks/registry';
import {
  ConfigurationReading,
  suggestion,
  type References,
  type Section,
  type Validated,
} from '#lib/configuration';
import { readFleet, type Fleet, type FleetCheck, type ReadCheck } from '#lib/fleet';
import { fleetKeys } from '#lib/fleet/schema';
import type { LogLevel } from '#lib/log';
import type { Secret } from '#lib/secret';
import { readSettings } from './config/check-settings.ts';
import { agentShape, notBuiltKeys } from './config/schema.ts';
import type { CheckPlan } from './plan.ts';

const { collector: collectorKeys, ...processShape } = agentShape;
const collectorShape = { collector: collectorKeys };

type ProcessKeys = z.output<z.ZodObject<typeof processShape>>;

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
  /** What is asked when a target is silent: `gateway`, `resolver`, `host:port`. */
  readonly canaries: readonly string[];
  /** Where its checks may connect to. */
  readonly egress: EgressSettings;
  /** Of all ping checks together. */
  readonly packetsPerSecondMax: number;
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

/** What it takes to look at targets without delivering what was seen. */
export type LookingConfiguration = Pick<
  AgentConfiguration,
  'region' | 'name' | 'egress' | 'fleet' | 'plans' | 'skipped'
>;

/** What a file means, for a person; with references unresolved it may not be known in full. */
export interface AgentExamination {
  readonly fleet: Fleet;
  /** What the types made of their keys, by name of the check. */
  readonly settings: ReadonlyMap<string, unknown>;
  readonly collectorUrls: readonly string[];
  /** Checks that are missing from the fleet, because what they are depends on references. */
  readonly unknown: readonly string[];
}

/**
 * Reads an agent's file with what it includes. Throws a ConfigurationError with every mistake at
 * once. `types` are the check types there are.
 */
export function loadAgentConfiguration(
  file: string,
  references: References,
  types: readonly CheckType[] = checkTypes,
): AgentConfiguration {
  const read = readAgentFile(file, references, types);
  const delivery = readCollector(read).all;
  if (read.all === undefined || delivery === undefined || read.reading.failed) {
    return read.reading.fail();
  }
  const { agent, log } = read.all;
  const { urls, key } = delivery.collector;
  return {
    ...planAgent(agent, read),
    dataDirectory: agent.data,
    outbox: { bytesMax: agent.outbox.size, ageMaxMs: agent.outbox.age },
    collector: { urls, key },
    canaries: agent.canaries,
    packetsPerSecondMax: agent.icmp.rate,
    log,
  };
}

/** The same for who looks by hand: nothing of the collector is read, so its key need not be there. */
export function loadLookingConfiguration(
  file: string,
  references: References,
): LookingConfiguration {
  const read = readAgentFile(file, references, checkTypes);
  if (read.all === undefined || read.reading.failed) return read.reading.fail();
  return planAgent(read.all.agent, read);
}

function planAgent(
  { region, name = region, only, egress }: ProcessKeys['agent'],
  { fleet, settings }: AgentFile,
): LookingConfiguration {
  const identity = { region, name };
  return {
    ...identity,
    egress,
    fleet,
    ...planChecks(fleet.checks, { ...identity, only, settings }),
  };
}

/** The same with nothing of it run: mistakes as in loading, and what the file means to all regions. */
export function examineAgentConfiguration(
  file: string,
  references: References,
  types: readonly CheckType[] = checkTypes,
): AgentExamination {
  const read = readAgentFile(file, references, types);
  const { reading, fleet, checks, settings } = read;
  const { sound } = readCollector(read);
  if (reading.failed) return reading.fail();
  return {
    fleet,
    settings,
    collectorUrls: sound.collector?.urls ?? [],
    unknown: checks
      .filter(({ check }) => check === undefined)
      .map(({ common }) => String(common['name'])),
  };
}

interface AgentFile {
  readonly reading: ConfigurationReading;
  /** Everything, nothing of it substituted. */
  readonly top: Section;
  /** Undefined where it has mistakes, or depends on references that are not resolved. */
  readonly all: ProcessKeys | undefined;
  readonly fleet: Fleet;
  readonly checks: readonly ReadCheck[];
  /** By name of the check. */
  readonly settings: ReadonlyMap<string, unknown>;
}

function readAgentFile(
  file: string,
  references: References,
  types: readonly CheckType[],
): AgentFile {
  const reading = new ConfigurationReading(references);
  const top = reading.open(file) ?? reading.fail();
  const others = [...fleetKeys, ...Object.keys(collectorShape)];
  const own = reading.substitute(reading.pick(top, (key) => !others.includes(key)));
  const { all, sound } = reading.validateKeys(processShape, own, {
    alsoKnown: others,
    notBuilt: notBuiltKeys,
  });
  const { fleet, checks } = readFleet(reading, { file, top, unknownKeys: 'refuse' });
  const settings = new Map(
    checks.map((check) => [String(check.common['name']), readSettings(reading, check, types)]),
  );
  if (sound.agent !== undefined) {
    checkRegion(reading, own, { region: sound.agent.region, fleet });
    checkOnly(reading, own, { only: sound.agent.only ?? [], checks });
  }
  return { reading, top, all, fleet, checks, settings };
}

function readCollector({ reading, top }: AgentFile): Validated<typeof collectorShape> {
  const own = reading.substitute(reading.pick(top, (key) => Object.hasOwn(collectorShape, key)));
  return reading.validateKeys(collectorShape, own, { notBuilt: notBuiltKeys });
}

function checkRegion(
  reading: ConfigurationReading,
  own: Section,
  { region, fleet }: { readonly region: string; readonly fleet: Fleet },
): void {
  const at = ['agent', 'region'];
  if (!reading.isKnown(own, at) || fleet.regions.length === 0) return;
  if (fleet.regions.includes(region)) return;
  reading.mistake(own, at, `${region} is not one of regions${suggestion(region, fleet.regions)}`);
}

function checkOnly(
  reading: ConfigurationReading,
  own: Section,
  { only, checks }: { readonly only: readonly string[]; readonly checks: readonly ReadCheck[] },
): void {
  const at = ['agent', 'only'];
  const names = checks.map(({ common }) => String(common['name']));
  for (const name of only) {
    if (names.includes(name) || !reading.isKnown(own, at)) continue;
    reading.mistake(own, at, `there is no check ${name}${suggestion(name, names)}`);
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
    readonly settings: ReadonlyMap<string, unknown>;
  },
): Pick<AgentConfiguration, 'plans' | 'skipped'> {
  const elsewhere = checks.filter((check) => !check.regions.includes(region));
  const here = checks.filter((check) => check.regions.includes(region));
  const pinned = here.filter(({ agents }) => agents !== undefined && !agents.includes(name));
  const ours = here.filter(({ agents }) => agents === undefined || agents.includes(name));
  const chosen = ours.filter((check) => only === undefined || only.includes(check.name));
  const unchosen = ours.filter((check) => only !== undefined && !only.includes(check.name));
  return {
    plans: chosen.flatMap((check) => plan(check, region, settings.get(check.name))),
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
