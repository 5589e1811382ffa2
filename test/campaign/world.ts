/**
 * `node test/campaign/world.ts [seconds] [kills] [haste]`: the world of three regions for longer. An agent is
 * cut off from the collector for `seconds` while another is killed `kills` times, the backends are away for a
 * quarter of that, every part is upgraded, two clocks are wrong; `haste` 1 takes the alert rules as they are
 * shipped and half an hour, and then the service goes down too. Says what arrived, and what was told.
 */
import { isDeepStrictEqual } from 'node:util';
import * as scenario from '../support/world/scenarios.ts';
import { World } from '../support/world/world.ts';

const [seconds = 120, kills = 50, haste = 6] = process.argv.slice(2).map(Number);
const awayMs = seconds * 1000;
const say = (line: string): void => void process.stdout.write(`${line}\n`);

await using world = await World.start({ haste });
await scenario.untilAllUp(world);

if (haste === 1) {
  const everywhere = world.targets.map((target) => `TargetDown ${target}`);
  await step('the service is down', everywhere, async () => {
    return [(await scenario.serviceDown(world)).around];
  });
  const there = world.targets.map((target) => `RegionalOutage ${target} eu-west`);
  await step('one region is cut off from the service', there, async () => {
    return [(await scenario.cutOffFromService(world, 'eu-west')).around];
  });
}
await step(`${seconds} s cut off, ${kills} kills elsewhere`, ['AgentSilent us-east'], () =>
  Promise.all([
    scenario.cutOffFromCollector(world, 'us-east', awayMs),
    scenario.killedOften(world, 'eu-west', kills),
  ]),
);
await step(`${seconds / 4} s without backends`, [], async () => [
  await scenario.backendAway(world, awayMs / 4),
]);
await step('every part upgraded', [], async () => [
  (await scenario.rollingUpgrade(world)).verdicts,
]);
const wrong = ['AgentClockWrong ap-south', 'AgentClockWrong us-east'];
await step('one clock 20 s behind, one 20 s ahead', wrong, async () => {
  const skews = await Promise.all([
    scenario.clockSkew(world, 'ap-south', { aheadSeconds: -20, untilTold: true }),
    scenario.clockSkew(world, 'us-east', { aheadSeconds: 20, untilTold: true }),
  ]);
  return skews.map(({ verdicts }) => verdicts);
});
const { runs, lost, doubled } = await scenario.account(world);
say(`world: ${runs} runs arrived, lost ${JSON.stringify(lost)}, ${doubled.length} doubled`);
if (runs === 0 || Object.keys(lost).length > 0 || doubled.length > 0) process.exitCode = 1;

/** Everything is up in it but for what happens, and everybody is told exactly that. */
async function step(
  name: string,
  alerts: readonly string[],
  happen: () => Promise<readonly scenario.Verdicts[]>,
): Promise<void> {
  const startedMs = performance.now();
  const seen = await happen();
  const verdicts = new Set(seen.flatMap((regions) => Object.values(regions).flat()));
  const expected = alerts.flatMap((alert) => [`firing ${alert}`, `resolved ${alert}`]).sort();
  const { prometheus, vmalert } = world.onCall;
  const news = { prometheus: prometheus.news(), vmalert: vmalert.news() };
  const right = isDeepStrictEqual(news, { prometheus: expected, vmalert: expected });
  const took = Math.round((performance.now() - startedMs) / 1000);
  say(
    `${name}: verdicts ${[...verdicts].join(' ')}, told ${right ? alerts.length : JSON.stringify(news)}, ${took} s`,
  );
  if (!right || verdicts.has('down')) process.exitCode = 1;
}
