/** `node test/campaign/kill.ts [count] [seed]`: kill -9 under load; prints what was lost and doubled. */
import { killLoop } from '../support/deployments/kill-loop.ts';

const [count = '40', seed = String(Date.now() % 1_000_000)] = process.argv.slice(2);
const report = await killLoop(Number(count), Number(seed));
const { kills, acknowledged, lost, doubled } = report;
process.stdout.write(
  `kill: seed ${seed}, ${kills} kills, ${acknowledged} points acknowledged, ${lost.length} lost, ${doubled.length} doubled\n`,
);
if (acknowledged === 0 || lost.length > 0 || doubled.length > 0) {
  process.stdout.write(`${[...lost, ...doubled].slice(0, 20).join('\n')}\n`);
  process.exitCode = 1;
}
