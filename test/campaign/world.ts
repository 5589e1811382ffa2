/**
 * `node test/campaign/world.ts [seconds] [kills]`: the world of three regions for longer: an agent cut off
 * from the collector for `seconds`, the backend away for a quarter of that, an agent killed `kills` times.
 * Prints what arrived.
 */
import * as scenario from '../support/world-scenarios.ts';
import { World } from '../support/world.ts';

const [seconds = '120', kills = '50'] = process.argv.slice(2);
const awayMs = Number(seconds) * 1000;

await using world = await World.start({ haste: 6 });
await scenario.untilAllUp(world);
const verdicts = [
  await scenario.cutOffFromCollector(world, 'us-east', awayMs),
  await scenario.backendAway(world, awayMs / 4),
  await scenario.killedOften(world, 'eu-west', Number(kills)),
  (await scenario.rollingUpgrade(world)).verdicts,
];
const seen = new Set(verdicts.flatMap((regions) => Object.values(regions).flat()));
const { runs, lost, doubled } = await scenario.account(world);
process.stdout.write(
  `world: ${seconds} s cut off, ${Number(seconds) / 4} s without backend, ${kills} kills, ${runs} runs arrived, ` +
    `lost ${JSON.stringify(lost)}, ${doubled.length} doubled, verdicts ${[...seen].join(' ')}\n`,
);
if (runs === 0 || Object.keys(lost).length > 0 || doubled.length > 0 || seen.has('down'))
  process.exitCode = 1;
