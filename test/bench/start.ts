/**
 * An agent as a process: how long from its start to its first probe, and what it takes of memory then
 * and ten seconds later. With a compile cache of its own, filled by the first start, which is left out.
 *
 *     node test/bench/start.ts [STARTS] [PROGRAM]
 *
 * PROGRAM is the farpoint.js to start, by default that of this checkout (its TypeScript); after
 * `npm run build && npm pack` the one in an installed package is what users have.
 */
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { program } from '../support/farpoint.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const [starts = '10', chosen = program] = process.argv.slice(2);
using folder = temporaryFolder();
const server = createServer((socket) => socket.end());
await once(server.listen(0, '127.0.0.1'), 'listening');
const { port } = server.address() as AddressInfo;
const file = join(folder.path, 'agent.yaml');
writeFileSync(
  file,
  `version: 1
agent: { region: eu, data: '${join(folder.path, 'data')}' }
collector: { urls: ['http://127.0.0.1:1'] }
log: { level: error }
regions: [eu]
checks: [{ name: near, type: tcp, service: s, target: '127.0.0.1:${port}', every: 100ms, timeout: 90ms }]
`,
);
const probes: number[] = [];
const sizes: number[] = [];
for (let start = 0; start <= Number(starts); start += 1) {
  rmSync(join(folder.path, 'data'), { recursive: true, force: true });
  const startedMs = performance.now();
  const agent = spawn(process.execPath, [chosen, 'agent', '-c', file], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { NODE_ENV: 'production', NODE_COMPILE_CACHE: join(folder.path, 'cache') },
  });
  await once(server, 'connection');
  if (start > 0) probes.push(performance.now() - startedMs);
  await delay(start < Number(starts) ? 1500 : 10_000);
  if (start > 0) sizes.push(residentMb(agent.pid ?? 0));
  agent.kill();
  await once(agent, 'exit');
}
server.close();
const last = sizes.pop() ?? 0;
console.log(
  `start to first probe ${Math.round(median(probes))} ms (median of ${probes.length}; up to 100 ms of it is the schedule), ` +
    `resident ${Math.round(median(sizes))} MB after 1.5 s, ${Math.round(last)} MB after 10 s`,
);

function residentMb(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) / 1000;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
