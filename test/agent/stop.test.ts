import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readAgentStatus } from '#lib/agent-status';
import { eventually } from '../support/eventually.ts';
import { Farpoint } from '../support/farpoint.ts';
import { needs } from '../support/needs.ts';
import { Host } from '../support/network/network.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** What orchestrators are promised. */
const stopMs = 2000;
/** A machine that is busy with other things may take longer, but not every time. */
const triesMax = 4;

test('SIGTERM ends an agent in time whose collector takes requests and answers none', async () => {
  using folder = temporaryFolder();
  const server = createServer((socket) => socket.resume().on('error', () => undefined));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  await expectToStop(async () => {
    // What the one before it said of itself, which stays, is no sign that this one is there.
    const own = mkdtempSync(join(folder.path, 'agent-'));
    const agent = startAgent(own, `http://127.0.0.1:${port}`);
    await eventually('results to wait', async () => {
      const status = await readAgentStatus(join(own, 'data'));
      return status !== undefined && status.outbox.blocks > 5;
    });
    return agent;
  });
  server.close();
});

needs('root', 'iproute2')('where the name server is silent', () => {
  test('SIGTERM ends an agent in time that looks its collector up', async () => {
    using folder = temporaryFolder();
    using host = openHost();
    using nameServer = silentNameServer(host);
    const wrapper = ['ip', 'netns', 'exec', host.namespace];
    await expectToStop(async () => {
      const asked = nameServer.questions;
      const agent = startAgent(folder.path, 'http://collector.example.test:4318', wrapper);
      await eventually('questions', () => nameServer.questions > asked);
      return agent;
    });
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

async function expectToStop(start: () => Promise<Farpoint>): Promise<void> {
  const tookMs: number[] = [];
  while (tookMs.length < triesMax && !tookMs.some((ms) => ms < stopMs)) {
    await using agent = await start();
    const startedMs = performance.now();
    expect(await agent.stop(), agent.output).toBe(0);
    tookMs.push(performance.now() - startedMs);
  }
  expect(Math.min(...tookMs)).toBeLessThan(stopMs);
}

/** A namespace with nothing but its loopback, whose name server is there. */
function openHost(): Host & Disposable {
  const namespace = `farpoint-stop-${process.pid}`;
  const settings = join('/etc/netns', namespace);
  mkdirSync(settings, { recursive: true });
  writeFileSync(join(settings, 'resolv.conf'), 'nameserver 127.0.0.1\n');
  execFileSync('ip', ['netns', 'add', namespace]);
  const host = new Host(namespace, { 4: '127.0.0.1', 6: '::1' });
  host.run('ip link set lo up');
  return Object.assign(host, {
    [Symbol.dispose]: () => {
      execFileSync('ip', ['netns', 'delete', namespace]);
      rmSync(settings, { recursive: true });
    },
  });
}

type Bound = (error: null, address: string, family: number) => void;

function silentNameServer(host: Host): Disposable & { readonly questions: number } {
  const heard = { questions: 0 };
  // Bound at once, so that it is bound there.
  const lookup = (address: string, _: unknown, callback: Bound): void => callback(null, address, 4);
  const socket = createSocket({ type: 'udp4', lookup }, () => (heard.questions += 1));
  {
    using _there = host.enter();
    socket.bind(53, '127.0.0.1');
  }
  return Object.assign(heard, { [Symbol.dispose]: () => void socket.close() });
}
