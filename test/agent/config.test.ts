import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { loadAgentConfiguration, type AgentConfiguration } from '#agent/config';

const folder = join(import.meta.dirname, '../config/valid');
const secrets = { FARPOINT_KEY: `k1.${'x'.repeat(43)}`, API_TOKEN: 'token-of-the-api' };

function load(env: Record<string, string>, file = 'agent.yaml'): AgentConfiguration {
  return loadAgentConfiguration(join(folder, file), { env: { ...secrets, ...env }, resolve: true });
}

const names = ({ plans }: AgentConfiguration): readonly string[] => [
  ...new Set(plans.map(({ check }) => check)),
];

describe('the plan', () => {
  test('has a line for each check and target of the region, in the order of the files', () => {
    const { plans } = load({ FARPOINT_REGION: 'us-east' });
    expect(plans.map(({ check, target }) => `${check} ${target}`)).toEqual([
      'home https://clowder.example.org/',
      'archive https://files.example.org/probe/10MiB.bin',
      'api https://clowder.example.org/api/status',
      'edge edge01.example.net',
      'edge edge02.example.net',
      'edge 192.0.2.19',
      'edge 2001:db8::20',
      'edge-slow edge01.example.net',
      'edge-slow edge02.example.net',
      'edge-slow 192.0.2.19',
      'edge-slow 2001:db8::20',
    ]);
  });

  test('takes from the defaults what a check does not say, and adds its labels to theirs', () => {
    const [home, archive, api] = load({ FARPOINT_REGION: 'us-east' }).plans;
    expect(home).toMatchObject({
      schedule: { everyMs: 30_000 },
      timeoutMs: 10_000,
      labels: { team: 'web', severity: 'page' },
    });
    expect(archive).toMatchObject({
      schedule: { everyMs: 300_000 },
      timeoutMs: 60_000,
      labels: { team: 'web', severity: 'ticket' },
    });
    expect(api).toMatchObject({
      schedule: { cron: '*/5 * * * *', timezone: 'Europe/Berlin' },
    });
    expect(inspect(api?.settings)).not.toContain('token-of-the-api');
  });

  test("counts regions in the fleet's order, among those that run the check", () => {
    const [home, , api] = load({ FARPOINT_REGION: 'us-east' }).plans;
    expect(home).toMatchObject({ regionIndex: 1, regionCount: 5 });
    expect(api).toMatchObject({ regionIndex: 1, regionCount: 2 });
  });

  test('tells why other checks are not run', () => {
    const south = load({ FARPOINT_REGION: 'af-south' });
    expect(south.skipped).toEqual({ region: ['api'], agent: ['access-log'], only: [] });
  });

  test('a pinned check runs on its agent only', () => {
    const sidecar = load({
      FARPOINT_REGION: 'eu-west',
      FARPOINT_AGENT: 'eu-west-web',
      FARPOINT_ONLY: 'access-log',
    });
    expect(sidecar).toMatchObject({ region: 'eu-west', name: 'eu-west-web' });
    expect(names(sidecar)).toEqual(['access-log']);
    expect(sidecar.skipped.only).toEqual(['home', 'archive', 'api', 'edge', 'edge-slow']);
    expect(names(load({ FARPOINT_REGION: 'eu-west' }))).not.toContain('access-log');
  });

  test('only takes several names', () => {
    const agent = load({ FARPOINT_REGION: 'eu-west', FARPOINT_ONLY: 'home, edge' });
    expect(names(agent)).toEqual(['home', 'edge']);
  });
});

test('the agent is called as its region where it has no name, and has room for a week', () => {
  expect(load({}, 'agent-short.yaml')).toMatchObject({
    region: 'here',
    name: 'here',
    dataDirectory: '/var/lib/farpoint',
    outbox: { bytesMax: 1024 ** 3, ageMaxMs: 7 * 86_400_000 },
    collector: { urls: ['http://127.0.0.1:4318'], key: undefined },
    log: { level: 'info' },
    plans: [{ schedule: { everyMs: 60_000 }, timeoutMs: 10_000 }],
  });
});

test('the key is wrapped', () => {
  const { key } = load({ FARPOINT_REGION: 'eu-west' }).collector;
  expect(key?.reveal()).toBe(secrets.FARPOINT_KEY);
  expect(String(key)).toBe('***');
});
