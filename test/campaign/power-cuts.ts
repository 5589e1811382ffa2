/** `node test/campaign/power-cuts.ts [count] [seed]`: the queue on a simulated disk whose power is cut. */
import { cutPower } from '../lib/queue/power-cuts.ts';

const [count = '10000', seed = String(Date.now() % 1_000_000)] = process.argv.slice(2);
await cutPower(Number(count), Number(seed));
process.stdout.write(`power cuts: seed ${seed}, ${count} cuts, nothing acknowledged was lost\n`);
