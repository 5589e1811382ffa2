import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readAgentStatus } from '#lib/agent-status';
import { eventually } from '../support/eventually.ts';
import { Farpoint } from '../support/farpoint.ts';
import { needs } from '../support/needs.ts';
import { openUnnamedHost, silentNameServer } from '../support/network/silent-name-server.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** What orchestrators are promised. */
const stopMs = 2000;

test('SIGTERM ends an agent in time whose collector takes requests and answers none', async () => {
  using folder = temporaryFolder();
  const server = createServer((socket) => socket.resume().on('error', () => undefined));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  await using agent = startAgent(folder.path, `http://127.0.0.1:${port}`);
  await eventually('results to wait', async () => {
    const status = await readAgentStatus(join(folder.path, 'data'));
    return status !== undefined && status.outbox.blocks > 5;
  });
  await expectToStop(agent);
  server.close();
});

needs('root', 'iproute2')('where the name server is silent', () => {
  test('SIGTERM ends an agent in time that looks its collector up', async () => {
    using folder = temporaryFolder();
    using host = openUnnamedHost();
    using nameServer = silentNameServer(host);
    const wrapper = ['ip', 'netns', 'exec', host.namespace];
    await using agent = startAgent(folder.path, 'http://collector.example.test:4318', wrapper);
    await eventually('questions', () => nameServer.questions > 0);
    await expectToStop(agent);
  });
});

function startAgent(folder: string, collector: string, wrapper: readonly string[] = []): Farpoint {
  const file = join(folder, 'agent.yaml');
  writeFileSync(
    file,
    `version: 1
agent: { region: eu, data: '${join(folder, 'data')}' }
collector: { urls: ['${collector}'] }
regions: [eu]
checks: [{ name: near, type: tcp, service: s, target: '127.0.0.1:9', every: 100ms, timeout: 90ms }]
`,
  );
  return Farpoint.start(['agent', '-c', file], {}, wrapper);
}

async function expectToStop(agent: Farpoint): Promise<void> {
  const startedMs = performance.now();
  expect(await agent.stop(), agent.output).toBe(0);
  expect(performance.now() - startedMs).toBeLessThan(stopMs);
}
