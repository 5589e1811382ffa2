/** `node test/campaign/compose.ts [docker-compose|podman-compose …]`: docker/up.sh over podman; prints what came of it. */
import { composeReport } from '../support/containers/compose-report.ts';
import type { Compose } from '../support/containers/compose-stack.ts';
import { Engine } from '../support/containers/image.ts';

const named = process.argv.slice(2) as Compose[];
using engine = new Engine();
for (const compose of named.length > 0 ? named : (['docker-compose'] as const)) {
  const startedMs = performance.now();
  const { up, lines, flaws } = await composeReport(engine, compose);
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  process.stdout.write(
    `compose: ${compose}, ${up.length} checks up (${up.join(', ')}), lines read ${JSON.stringify(lines)}, ` +
      `${flaws.length} flaws, ${seconds} s\n`,
  );
  if (flaws.length === 0) continue;
  process.stdout.write(`${flaws.join('\n')}\n`);
  process.exitCode = 1;
}
