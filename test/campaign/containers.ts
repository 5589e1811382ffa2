/** `node test/campaign/containers.ts [count] [seed]`: kills and starts an agent's container; prints what arrived. */
import { containerKills } from '../support/containers/container-kills.ts';
import { Engine } from '../support/containers/image.ts';

const [count = '50', seed = String(Date.now() % 1_000_000)] = process.argv.slice(2);
using engine = new Engine();
engine.buildImage('farpoint:test');
const report = await containerKills(engine, 'farpoint:test', {
  count: Number(count),
  seed: Number(seed),
});
const { kills, runs, unknown, flaws } = report;
process.stdout.write(
  `containers: seed ${seed}, ${kills} kills, ${runs} runs in the backend, ${unknown} of them unknown, ${flaws.length} flaws\n`,
);
if (runs < kills || flaws.length > 0) {
  process.stdout.write(`${flaws.join('\n')}\n`);
  process.exitCode = 1;
}
