/** Writes runs into a history for as long as it lives; prints the time of each that was delivered. */
import { batchOf, openHistory, runAt } from '../support/collector/history.ts';

const [dataDirectory = '', firstUnixMs = ''] = process.argv.slice(2);
const sink = await openHistory(dataDirectory);
for (let unixMs = Number(firstUnixMs); ; unixMs += 1) {
  const { kind } = await sink.deliver(batchOf([runAt(unixMs, { status: 'up' })]));
  if (kind === 'delivered') process.stdout.write(`${unixMs}\n`);
}
