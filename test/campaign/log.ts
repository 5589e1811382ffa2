/** `node test/campaign/log.ts [count] [seed]`: schedules of writing, rotating, reading and crashing. */
import { runSchedule } from '../support/log/schedule.ts';
import { losslessRotations, lossyRotations } from '../support/log/world.ts';

const [count = '10000', seed = String(Date.now() % 1_000_000)] = process.argv.slice(2);
const rotations = [...losslessRotations, ...lossyRotations];
const failures: string[] = [];
for (let index = 0; index < Number(count); index++) {
  const rotation = rotations[index % rotations.length] ?? 'rename';
  const violations = await runSchedule(rotation, Number(seed) + index);
  if (violations.length > 0) {
    failures.push(`${rotation} ${Number(seed) + index}: ${violations.join('; ')}`);
  }
}
process.stdout.write(
  `log: seed ${seed}, ${count} schedules, ${failures.length} with lines lost or doubled\n`,
);
if (failures.length > 0) {
  process.stdout.write(`${failures.slice(0, 20).join('\n')}\n`);
  process.exitCode = 1;
}
