/** `node test/campaign/agent-kill.ts [count] [seed]`: kill -9 of an agent whose log is rotated; prints what arrived. */
import { agentKillLoop } from '../support/deployments/agent-kill-loop.ts';

const [count = '30', seed = String(Date.now() % 1_000_000)] = process.argv.slice(2);
const { kills, results, flaws, linesWritten, linesCounted } = await agentKillLoop(
  Number(count),
  Number(seed),
);
process.stdout.write(
  `agent-kill: seed ${seed}, ${kills} kills, ${results} results, ${flaws.length} flaws, ${linesCounted} of ${linesWritten} lines counted\n`,
);
if (results === 0 || flaws.length > 0 || linesCounted !== linesWritten) {
  process.stdout.write(`${flaws.slice(0, 20).join('\n')}\n`);
  process.exitCode = 1;
}
