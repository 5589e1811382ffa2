import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { examineAgentConfiguration } from '#agent/config';
import { examineCollectorConfiguration } from '#collector/config';

const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');
const references = { env: {}, resolve: false };

test('what the README configures is valid as it stands there', () => {
  const [agent = '', collector = ''] = [...readme.matchAll(/```yaml\n(.*?)```/gs)].map(
    ([, yaml]) => yaml,
  );
  const folder = mkdtempSync(join(tmpdir(), 'farpoint-readme-'));
  try {
    const agentFile = join(folder, 'agent.yaml');
    const collectorFile = join(folder, 'collector.yaml');
    writeFileSync(agentFile, agent);
    writeFileSync(collectorFile, collector.replace('/etc/farpoint/agent.yaml', agentFile));
    const { fleet, unknown } = examineAgentConfiguration(agentFile, references);
    expect(fleet.checks.map(({ type }) => type)).toEqual(['http', 'ping', 'log']);
    expect(unknown).toEqual([]);
    const { sinks } = examineCollectorConfiguration(collectorFile, references);
    expect(sinks.map(({ type }) => type)).toEqual(['prometheus', 'history']);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
