/** `node test/campaign/collector-away.ts [seconds]`: takes the collector away; prints what became of the runs. */
import { collectorAway } from '../support/deployments/collector-away.ts';

const [seconds = '120'] = process.argv.slice(2);
const report = await collectorAway(Number(seconds) * 1000);
const { runsWhileAway, longestGapMs, outOfOrder, completed, arrived, backlog } = report;
process.stdout.write(
  `collector-away: ${seconds} s, ${runsWhileAway} runs meanwhile, longest gap ${Math.round(longestGapMs)} ms, ` +
    `${backlog} records waited, ${arrived} of ${completed} runs arrived, ${outOfOrder} out of order\n`,
);
if (outOfOrder > 0 || arrived !== completed || runsWhileAway < Number(seconds) - 2)
  process.exitCode = 1;
