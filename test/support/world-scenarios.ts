import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from './farpoint.ts';
import { intervalMs, type Region, regions, type StoredRun, type World } from './world.ts';

/** The verdicts that occurred in each region, each once. */
export type Verdicts = Readonly<Record<string, readonly string[]>>;

interface Window {
  readonly fromUnixMs: number;
  readonly toUnixMs: number;
}

/** A run that began this long before a fault ended may have met it or not. */
const undecidedMs = 2500;
/** A fault may be under way for a moment before every packet meets it. */
const momentMs = 300;

/** Waits until the newest run of every region is up. */
export async function untilAllUp(world: World): Promise<void> {
  await reached(world, Date.now() - undecidedMs);
}

/** Stops the service for a while. Gives what was seen meanwhile, and what before and after. */
export async function serviceDown(
  world: World,
  forMs: number,
): Promise<{ readonly during: Verdicts; readonly around: Verdicts }> {
  return withFault(world, forMs, {
    begin: () => world.stopService(),
    end: () => world.startService(),
  });
}

export async function cutOffFromService(
  world: World,
  region: Region,
  forMs: number,
): Promise<{ readonly during: Verdicts; readonly around: Verdicts }> {
  return withFault(world, forMs, {
    begin: () => world.cut(region, 'service'),
    end: () => world.mend(region, 'service'),
  });
}

export async function cutOffFromCollector(
  world: World,
  region: Region,
  forMs: number,
): Promise<Verdicts> {
  return throughout(world, async () => {
    world.cut(region, 'collector');
    await delay(forMs);
    world.mend(region, 'collector');
  });
}

/** Its address is nobody's from one moment to the next; its name leads to the new one. */
export async function collectorMoves(world: World): Promise<Verdicts> {
  return throughout(world, async () => {
    await world.stop('collector');
    const address = world.network.move('collector', 99);
    world.nameCollector(address);
    await delay(intervalMs);
    await world.startCollector();
  });
}

export async function backendAway(world: World, forMs: number): Promise<Verdicts> {
  return throughout(world, async () => {
    await world.stop('backend');
    await delay(forMs);
    await world.startBackend();
  });
}

/** Stops each part as an orchestrator does and starts it again at once, agents first. */
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
    await world.stop('backend');
    await world.startBackend();
  });
  return { verdicts, exitCodes };
}

export async function killedOften(world: World, region: Region, times: number): Promise<Verdicts> {
  return throughout(world, async () => {
    for (let time = 0; time < times; time++) {
      await delay(500 + ((time * 701) % 1500));
      await world.stop(region, 'SIGKILL');
      world.startAgent(region);
    }
  });
}

/** Starts a region's agent with a clock that is ahead. Its results keep the times that it gave them. */
export async function clockSkew(
  world: World,
  region: Region,
  aheadSeconds: number,
): Promise<{ readonly verdicts: Verdicts; readonly aheadMs: number }> {
  let aheadMs = 0;
  const verdicts = await throughout(world, async () => {
    await world.stop(region);
    world.startAgent(region, `+${aheadSeconds}s`);
    await eventually(
      'runs from the future',
      () => (aheadMs = newestOf(world.runs(), region) - Date.now()) > 0,
      60_000,
    );
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
  for (const region of regions) world.startAgent(region);
  await untilAllUp(world);
  await eventually('every outbox to be empty', () => outboxesEmpty(world), 60_000);
  for (const region of regions) await world.stop(region);
  await eventually('nothing to be on the way', async () => {
    return (await outboxesEmpty(world)) && world.queued() === 0;
  });
  const keys = world.runs().map(({ region, target, unixMs }) => `${region} ${target} ${unixMs}`);
  const lost = Object.entries(world.completed())
    .map(([region, count]) => [region, count - keys.filter((key) => key.startsWith(region)).length])
    .filter(([, missing]) => missing !== 0);
  return {
    runs: keys.length,
    lost: Object.fromEntries(lost),
    doubled: keys.filter((key, index) => keys.indexOf(key) !== index),
  };
}

async function outboxesEmpty(world: World): Promise<boolean> {
  const waiting = await Promise.all(regions.map((region) => world.waiting(region)));
  return waiting.every((blocks) => blocks === 0);
}

async function withFault(
  world: World,
  forMs: number,
  { begin, end }: { begin: () => Promise<void> | void; end: () => Promise<void> | void },
): Promise<{ readonly during: Verdicts; readonly around: Verdicts }> {
  const beforeUnixMs = Date.now() - intervalMs;
  await begin();
  const beganUnixMs = Date.now();
  await delay(forMs);
  const endingUnixMs = Date.now();
  await end();
  const endedUnixMs = Date.now();
  await delay(intervalMs);
  await reached(world, endedUnixMs);
  const seen = world.runs();
  const during = { fromUnixMs: beganUnixMs + momentMs, toUnixMs: endingUnixMs - undecidedMs };
  const before = { fromUnixMs: beforeUnixMs, toUnixMs: beganUnixMs - 2 * undecidedMs };
  const after = { fromUnixMs: endedUnixMs + momentMs, toUnixMs: Infinity };
  return {
    during: verdictsIn(seen, during),
    around: verdictsIn([...within(seen, before), ...within(seen, after)], everything),
  };
}

const everything: Window = { fromUnixMs: 0, toUnixMs: Infinity };

/** Every verdict from a moment before `happening` until all regions are heard of again after it. */
async function throughout(world: World, happening: () => Promise<void>): Promise<Verdicts> {
  const fromUnixMs = Date.now() - momentMs;
  await happening();
  await reached(world, Date.now());
  return verdictsIn(world.runs(), { fromUnixMs, toUnixMs: Infinity });
}

/** Waits until the backend has a run of each region that began after the time. */
async function reached(world: World, unixMs: number): Promise<void> {
  await eventually(
    'runs of every region to reach the backend',
    () => {
      const runs = world.runs();
      return regions.every((region) => newestOf(runs, region) > unixMs);
    },
    60_000,
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
