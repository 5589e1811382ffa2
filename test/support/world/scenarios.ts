import { setTimeout as delay } from 'node:timers/promises';
import { lastUpSeries } from '#grafana/words';
import type { StoredRun } from '../deployments/stored-runs.ts';
import { eventually } from '../eventually.ts';
import { swift } from '../grafana/swift-rules.ts';
import { intervalMs, type Region, regions, type World } from './world.ts';

/** The verdicts that occurred in each region, each once. */
export type Verdicts = Readonly<Record<string, readonly string[]>>;

interface Window {
  readonly fromUnixMs: number;
  readonly toUnixMs: number;
}

/** What a fault made the agents see, and whoever is on call hear. */
export interface FaultSeen {
  readonly during: Verdicts;
  /** Before and after it. */
  readonly around: Verdicts;
}

/** A run that began this long before a fault ended may have met it or not. */
const undecidedMs = 2500;
/** A fault may be under way for a moment before every packet meets it. */
const momentMs = 300;
/** Ten minutes of the rules' time, and what a busy machine may need besides. */
const toldWithinMs = (haste: number): number => 600_000 / haste + 200_000;

/** Waits until the newest run of every region is up, and both backends could say since when. */
export async function untilAllUp(world: World): Promise<void> {
  await reached(world, Date.now() - undecidedMs);
  const lastUp = swift(lastUpSeries(''), world.haste);
  await eventually(
    'both backends to know when each target was up',
    async () => {
      const wanted = regions.length * world.targets.length;
      return (
        (await world.answering('victoria', lastUp)) === wanted &&
        (await world.answering('prometheus', lastUp)) === wanted
      );
    },
    60_000,
  );
}

/**
 * Of which target and region, in the words of an alert, runs since then were too busy to judge for so long
 * that a RegionalOutage ends by itself: two minutes of the rules' time, of which a round of them may lack.
 */
export async function unjudged(world: World, sinceUnixMs: number): Promise<readonly string[]> {
  const runs = (await world.stored.runs(sinceUnixMs)).filter(({ overloaded }) => !overloaded);
  const judged = Map.groupBy(runs, ({ target, region }) => `${target} ${region}`);
  const endsMs = (120_000 - 30_000) / world.haste;
  return [...judged].flatMap(([what, ofTarget]) => {
    const times = ofTarget.map(({ unixMs }) => unixMs).sort((left, right) => left - right);
    return times.some((time, index) => time - (times[index - 1] ?? sinceUnixMs) > endsMs)
      ? [what]
      : [];
  });
}

/** Stops the service until everybody has been told, and starts it again. */
export async function serviceDown(world: World): Promise<FaultSeen> {
  return withFault(world, {
    begin: () => world.stopService(),
    end: () => world.startService(),
    alerts: world.targets.map((target) => `TargetDown ${target}`),
  });
}

export async function cutOffFromService(world: World, region: Region): Promise<FaultSeen> {
  return withFault(world, {
    begin: () => world.cut(region, 'service'),
    end: () => world.mend(region, 'service'),
    alerts: world.targets.map((target) => `RegionalOutage ${target} ${region}`),
  });
}

/** For so long at least, and until everybody has been told. */
export async function cutOffFromCollector(
  world: World,
  region: Region,
  forMs: number,
): Promise<Verdicts> {
  return throughout(world, async () => {
    world.cut(region, 'collector');
    await Promise.all([delay(forMs), told(world, [`firing AgentSilent ${region}`])]);
    world.mend(region, 'collector');
    await told(world, [`resolved AgentSilent ${region}`]);
  });
}

/** Its address is nobody's from one moment to the next; its name leads to the new one. */
export async function collectorMoves(world: World): Promise<Verdicts> {
  return throughout(world, async () => {
    await world.stop('collector');
    const address = world.network.move('collector', 99);
    world.nameCollector(address);
    await world.startCollector();
  });
}

export async function backendAway(world: World, forMs: number): Promise<Verdicts> {
  return throughout(world, async () => {
    await world.stopBackends();
    await delay(forMs);
    await world.startBackends();
  });
}

/** Stops each part as an orchestrator does and starts it again, agents first; the next when that one works. */
export async function rollingUpgrade(
  world: World,
): Promise<{ readonly verdicts: Verdicts; readonly exitCodes: readonly (number | null)[] }> {
  const exitCodes: (number | null)[] = [];
  const verdicts = await throughout(world, async () => {
    for (const region of regions) {
      exitCodes.push(await world.stop(region));
      world.startAgent(region);
      await delay(intervalMs / 2);
    }
    exitCodes.push(await world.stop('collector'));
    await world.startCollector();
    await reached(world, Date.now());
    await world.stopBackends();
    await world.startBackends();
  });
  return { verdicts, exitCodes };
}

/** Kills an agent and starts it again; others may be cut off meanwhile. */
export async function killedOften(world: World, region: Region, times: number): Promise<Verdicts> {
  const killing = async (): Promise<void> => {
    for (let time = 0; time < times; time++) {
      await delay(500 + ((time * 701) % 1500));
      await world.stop(region, 'SIGKILL');
      world.startAgent(region);
    }
  };
  return throughout(world, killing, [region]);
}

/**
 * Starts a region's agent with a clock that is ahead by so many seconds, or behind, and later with the
 * right one; `untilTold`: not before everybody has been told. Gives how far ahead its newest run was.
 */
export async function clockSkew(
  world: World,
  region: Region,
  { aheadSeconds, untilTold }: { readonly aheadSeconds: number; readonly untilTold: boolean },
): Promise<{ readonly verdicts: Verdicts; readonly aheadMs: number }> {
  let aheadMs = 0;
  const verdicts = await throughout(world, async () => {
    await world.stop(region);
    // From here on nothing but that clock can have dated a run.
    const datedMs = Date.now() + Math.max(0, (aheadSeconds * 1000) / 2);
    world.startAgent(region, `${aheadSeconds < 0 ? '' : '+'}${aheadSeconds}s`);
    await eventually(
      'runs dated by that clock',
      async () => {
        const newest = newestOf(await world.stored.runs(datedMs), region);
        aheadMs = newest - Date.now();
        return newest > datedMs;
      },
      60_000,
    );
    if (untilTold) await told(world, [`firing AgentClockWrong ${region}`]);
    await world.stop(region);
    world.startAgent(region);
    if (untilTold) await told(world, [`resolved AgentClockWrong ${region}`]);
  });
  return { verdicts, aheadMs };
}

/**
 * Stops the agents and holds what they have counted against what the backend has: runs that are missing,
 * by region, and runs that are there twice.
 */
export async function account(world: World): Promise<{
  readonly runs: number;
  readonly lost: Readonly<Record<string, number>>;
  readonly doubled: readonly string[];
}> {
  for (const region of regions) await world.stop(region);
  await eventually('the agents to end with nothing left', () => restartAndStop(world), 120_000);
  await eventually('the collector to have nothing left', async () => (await world.queued()) === 0);
  const keys = (await world.stored.runs()).map(
    ({ region, target, unixMs }) => `${region} ${target} ${unixMs}`,
  );
  const lost = Object.entries(await world.stored.completed())
    .map(([region, count]) => [region, count - keys.filter((key) => key.startsWith(region)).length])
    .filter(([, missing]) => missing !== 0);
  return {
    runs: keys.length,
    lost: Object.fromEntries(lost),
    doubled: keys.toSorted().filter((key, index, sorted) => key === sorted[index - 1]),
  };
}

/** Whether nothing was left in the end: on a bad line the last results of an agent that stops wait for its next start. */
async function restartAndStop(world: World): Promise<boolean> {
  for (const region of regions) world.startAgent(region);
  await untilAllUp(world);
  await eventually('every outbox to be empty', () => outboxesEmpty(world), 60_000);
  for (const region of regions) await world.stop(region);
  return outboxesEmpty(world);
}

async function outboxesEmpty(world: World): Promise<boolean> {
  const waiting = await Promise.all(regions.map((region) => world.waiting(region)));
  return waiting.every((blocks) => blocks === 0);
}

interface Fault {
  readonly begin: () => Promise<void> | void;
  readonly end: () => Promise<void> | void;
  /** What is to fire while it lasts. */
  readonly alerts: readonly string[];
}

async function withFault(world: World, { begin, end, alerts }: Fault): Promise<FaultSeen> {
  const beforeUnixMs = Date.now() - intervalMs;
  await begin();
  const beganUnixMs = Date.now();
  await told(
    world,
    alerts.map((alert) => `firing ${alert}`),
  );
  const endingUnixMs = Date.now();
  await end();
  const endedUnixMs = Date.now();
  await told(
    world,
    alerts.map((alert) => `resolved ${alert}`),
  );
  await reached(world, endedUnixMs);
  const seen = await world.stored.runs(beforeUnixMs);
  const during = { fromUnixMs: beganUnixMs + momentMs, toUnixMs: endingUnixMs - undecidedMs };
  const before = { fromUnixMs: beforeUnixMs, toUnixMs: beganUnixMs - 2 * undecidedMs };
  const after = { fromUnixMs: endedUnixMs + momentMs, toUnixMs: Infinity };
  return {
    during: verdictsIn(seen, during),
    around: verdictsIn([...within(seen, before), ...within(seen, after)], everything),
  };
}

/** Waits until everybody has been told all of it, since they were last asked for news. */
async function told(world: World, what: readonly string[]): Promise<void> {
  await eventually(
    `everybody to be told: ${what.join(', ')}`,
    () => Object.values(world.onCall).every((one) => one.hasBeenTold(what)),
    toldWithinMs(world.haste),
  );
}

const everything: Window = { fromUnixMs: 0, toUnixMs: Infinity };

/** Every verdict from a moment before `happening` until the regions are heard of again after it. */
async function throughout(
  world: World,
  happening: () => Promise<void>,
  heard: readonly Region[] = regions,
): Promise<Verdicts> {
  const fromUnixMs = Date.now() - momentMs;
  await happening();
  await reached(world, Date.now(), heard);
  return verdictsIn(await world.stored.runs(fromUnixMs), everything);
}

/**
 * Waits until the backend has a run of each of the regions that began after the time. The collector may
 * have begun the longest of its pauses, a minute, just before the backend came back.
 */
async function reached(
  world: World,
  unixMs: number,
  heard: readonly Region[] = regions,
): Promise<void> {
  await eventually(
    `runs of ${heard.join(', ')} to reach the backend`,
    async () => {
      const runs = await world.stored.runs(unixMs);
      return heard.every((region) => newestOf(runs, region) > unixMs);
    },
    90_000,
  );
}

function newestOf(runs: readonly StoredRun[], region: string): number {
  return Math.max(0, ...runs.filter((run) => run.region === region).map(({ unixMs }) => unixMs));
}

function within(
  runs: readonly StoredRun[],
  { fromUnixMs, toUnixMs }: Window,
): readonly StoredRun[] {
  return runs.filter(({ unixMs }) => unixMs >= fromUnixMs && unixMs < toUnixMs);
}

function verdictsIn(runs: readonly StoredRun[], window: Window): Verdicts {
  const seen: Record<string, string[]> = {};
  for (const { region, verdict, overloaded } of within(runs, window)) {
    if (overloaded) continue;
    const verdicts = (seen[region] ??= []);
    if (!verdicts.includes(verdict)) verdicts.push(verdict);
  }
  return seen;
}
