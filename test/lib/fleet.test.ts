import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { loadAgentConfiguration } from '#agent/config';
import { ConfigurationReading, ConfigurationError } from '#lib/configuration';
import { readFleet, type Fleet } from '#lib/fleet';

const folder = mkdtempSync(join(tmpdir(), 'farpoint-fleet-'));
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

/** As a collector reads it: with no environment and no knowledge of types. */
function read(text: string): Fleet {
  const file = write('fleet.yaml', text);
  const reading = new ConfigurationReading({ env: {}, resolve: true });
  const { fleet } = readFleet(reading, {
    file,
    top: reading.open(file) ?? reading.fail(),
    unknownKeys: 'ignore',
  });
  return reading.failed ? reading.fail() : fleet;
}

describe('a collector', () => {
  test('leaves alone what newer agents have and it does not know', () => {
    const fleet = read(`
version: 1
agent: { region: '\${env:NOT_SET_HERE}', telepathy: true }
egress: { allow: [] }
defaults: { confirm: 2, service: any }
regions: [eu-west]
checks:
  - name: crystal-ball
    type: divination
    service: future
    target: tomorrow
    expect: { clarity: { min: 0.5 } }
    auth: { bearer: '\${file:/nonexistent/secret}' }
`);
    expect(fleet.checks).toMatchObject([
      { name: 'crystal-ball', type: 'divination', targets: ['tomorrow'] },
    ]);
  });

  test('has the same fleet hash as an agent, whatever their own parts say', () => {
    const text = `
version: 1
agent: { region: eu-west }
collector: { urls: ['http://127.0.0.1:4318'] }
regions: [eu-west, us-east]
checks:
  - { name: home, type: http, service: web, target: 'https://example.org/', method: HEAD }
`;
    const agent = loadAgentConfiguration(write('agent.yaml', text), { env: {}, resolve: true });
    expect(read(text).hash).toBe(agent.fleet.hash);
    expect(read(text.replace('eu-west, us-east', 'eu-west')).hash).not.toBe(agent.fleet.hash);
  });
});

describe('time', () => {
  const check = (keys: string, defaults = '{}'): Fleet['checks'][number] | undefined =>
    read(`
regions: [eu-west]
defaults: ${defaults}
checks:
  - { name: a, type: http, service: web, target: x, ${keys} }
`).checks[0];

  test('a deadline that nobody set is never longer than the time between runs', () => {
    expect(check('every: 5s')).toMatchObject({ timeoutMs: 5000 });
    expect(check('every: 5m')).toMatchObject({ timeoutMs: 10_000 });
    expect(check("cron: '*/5 * * * * *'")).toMatchObject({ timeoutMs: 5000 });
  });

  test('a schedule of its own replaces the default one whole', () => {
    const cronByDefault = "{ cron: '0 * * * *', timezone: UTC }";
    expect(check('every: 5m', cronByDefault)?.schedule).toEqual({ everyMs: 300_000 });
    expect(check("cron: '5 * * * *'", '{ every: 30s }')?.schedule).toEqual({
      cron: '5 * * * *',
      timezone: undefined,
    });
    expect(check("cron: '5 * * * *'", cronByDefault)?.schedule).toMatchObject({ timezone: 'UTC' });
  });

  test('deadlines within a run stand beside the total', () => {
    expect(check('timeout: { total: 20s, headers: 5s }')).toMatchObject({ timeoutMs: 20_000 });
  });
});

describe('included files', () => {
  test('are read once each, in the order of their names, relative to the file that includes them', () => {
    write('b.part.yaml', 'checks: [{ name: b, type: ping, service: s, target: b }]');
    write('a.part.yaml', 'checks: [{ name: a, type: ping, service: s, target: a }]');
    const fleet = read('regions: [eu-west]\ninclude: ["*.part.yaml", a.part.yaml]\nchecks: []\n');
    expect(fleet.checks.map(({ name }) => name)).toEqual(['a', 'b']);
  });

  test('are not the file itself, though its own pattern may match it', () => {
    const fleet = read('regions: [eu-west]\ninclude: ["fle*.yaml"]\nchecks: []\n');
    expect(fleet.regions).toEqual(['eu-west']);
  });

  test('shared by an alias, a mistake is told once', () => {
    const text = `regions: [eu-west]
checks:
  - &a { name: a, type: ping, service: s, target: a, every: soon }
  - { <<: *a, name: b }
`;
    expect(() => read(text)).toThrow(
      /^[^\n]*:3:61: checks\[0\]\.every: expected a duration[^\n]*$/,
    );
  });

  test('may hold the regions and the defaults', () => {
    write('base.yaml', 'regions: [eu-west]\ndefaults: { service: web }');
    const fleet = read('include: [base.yaml]\nchecks: [{ name: a, type: ping, target: a }]\n');
    expect(fleet.checks).toMatchObject([{ service: 'web', regions: ['eu-west'] }]);
  });

  test('point to each other where names repeat', () => {
    const other = write('same.yaml', '\nchecks: [{ name: a, type: ping, service: s, target: a }]');
    const text = `regions: [eu-west]\ninclude: [same.yaml]\nchecks: [{ name: a, type: ping, service: s, target: a }]\n`;
    expect(() => read(text)).toThrow(ConfigurationError);
    expect(() => read(text)).toThrow(
      `${other}:2:18: checks[0].name: another check has this name, at ${join(folder, 'fleet.yaml')}:3`,
    );
  });
});
