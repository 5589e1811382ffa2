import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { agentStatusFile, writeAgentStatus } from '#lib/agent-status';
import { Deployment } from '../support/deployments/deployment.ts';
import { eventually } from '../support/eventually.ts';
import { Farpoint } from '../support/farpoint.ts';
import { runFarpoint } from '../support/run-farpoint.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'farpoint-health-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const status = {
  version: 1,
  updatedUnixMs: 0,
  outbox: { blocks: 7, bytes: 4096 },
  export: { lastSuccessUnixMs: null, trouble: 'connect ECONNREFUSED' },
} as const;

test('an agent that wrote its status a moment ago is at work, whatever became of its collector', async () => {
  await writeAgentStatus(directory, status);
  const { code, output } = runFarpoint(['health', agentFile()]);
  expect(output).toMatch(
    /^the agent is at work: status of \d+ s ago, 7 results wait for the collector, because connect ECONNREFUSED\n$/,
  );
  expect(code).toBe(0);
});

test('an agent whose status has grown old is not', async () => {
  await writeAgentStatus(directory, status);
  const before = Date.now() / 1000 - 60;
  utimesSync(agentStatusFile(directory), before, before);
  const { code, output } = runFarpoint(['health', '-c', agentFile()]);
  expect(output).toMatch(/^the agent last wrote its status 6\d s ago/);
  expect(code).toBe(1);
});

test('nor is one that never ran', () => {
  const { code, output } = runFarpoint(['health', agentFile()]);
  expect(output).toBe(`no agent has run with the data folder ${directory}\n`);
  expect(code).toBe(1);
});

test('a file that cannot be read is a mistake, with its name', () => {
  const { code, errors } = runFarpoint(['health', join(directory, 'none.yaml')]);
  expect(errors).toMatch(/none\.yaml.*cannot read the file/);
  expect(code).toBe(2);
});

test('agent and collector at work say so; a stopped collector does not', async () => {
  await using deployment = await Deployment.prepare({
    regions: ['eu-west'],
    checks: `checks: [{ name: home, type: tcp, service: shop, target: '127.0.0.1:9', every: 1s, timeout: 900ms }]`,
    sinks: '  - { name: page, type: history }',
  });
  const collector = await deployment.startCollector();
  deployment.startAgent('eu-west');
  const health = (part: string): Promise<number | null> => {
    const file = join(deployment.directory, `${part}.yaml`);
    const environment = { FARPOINT_REGION: 'eu-west', FARPOINT_DATA: deployment.folder('eu-west') };
    return Farpoint.start(['health', file], environment).exited();
  };
  await eventually('the agent to be healthy', async () => (await health('agent')) === 0);
  expect(await health('collector')).toBe(0);
  await collector.stop();
  expect(await health('collector')).toBe(1);
  expect(await health('agent')).toBe(0);
});

function agentFile(): string {
  const file = join(directory, 'agent.yaml');
  // The key cannot be read: health does not need it.
  const collector = "collector: { urls: ['http://127.0.0.1:9'], key: '${file:/nowhere/key}' }";
  writeFileSync(file, `version: 1\nagent: { region: eu, data: ${directory} }\n${collector}\n`);
  return file;
}
