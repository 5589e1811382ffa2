import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { runFarpoint } from '../support/run-farpoint.ts';

const folder = mkdtempSync(join(tmpdir(), 'farpoint-validate-'));
afterAll(() => rmSync(folder, { recursive: true }));

const agent = `version: 1
agent: { region: '\${env:FARPOINT_REGION}' }
collector: { urls: ['https://farpoint.example.net:4318'], key: '\${file:/nonexistent/key}' }
regions: [eu-west, us-east]
defaults: { service: web }
checks:
  - { name: home, type: http, target: 'https://example.org/', every: 30s }
  - { name: api, type: http, target: 'https://example.org/api', cron: '*/5 * * * *', regions: [us-east] }
  - { name: edge, type: ping, targets: [a.example.net, b.example.net], every: 15s }
  - { name: access, type: log, target: /var/log/access.log, agents: [eu-west-web], every: 1m }
`;

function write(text: string, name = 'agent.yaml'): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

describe('a valid configuration', () => {
  test('is told by what it means', () => {
    const file = write(agent);
    const { code, output, errors } = runFarpoint(['validate', file]);
    expect(errors).toBe('');
    expect(code).toBe(0);
    const shown = output
      .replace(file, 'FILE')
      .replace(/fleet [0-9a-f]{12}/, 'fleet HASH')
      .replace(/about [\d,]+ series/, 'about N series');
    expect(shown).toBe(`FILE: valid; 4 checks on 5 targets, 2 regions, fleet HASH

region             checks  targets  runs/min
eu-west            2       3        10.00
us-east            3       4        10.20
agent eu-west-web  1       1        1.00

host           runs/s  checks
a.example.net  0.133   edge
b.example.net  0.133   edge
example.org    0.070   home, api

about N series in the backend
`);
  });

  test.each([[['-c']], [['--config']], [[]]])('is named with %j', (option) => {
    expect(runFarpoint(['validate', ...option, write(agent)]).code).toBe(0);
  });

  test('is warned about when the collector would fail with what it watches', () => {
    const { output } = runFarpoint([
      'validate',
      write(agent.replace('farpoint.example.net', 'example.org')),
    ]);
    expect(output).toContain('warning: the collector is on example.org, which is checked too');
  });

  test.each([
    ['a port of it', 'tcp', 'FARPOINT.example.net:22', 'https://farpoint.example.net:4318'],
    ['its certificate', 'tls', 'farpoint.example.net:4318', 'https://farpoint.example.net'],
    ['its address', 'ping', '2001:db8::1', 'https://[2001:db8::1]:4318'],
  ])('is warned about when %s is what is watched', (_what, type, target, url) => {
    const check = `  - { name: near, type: ${type}, target: '${target}' }\n`;
    const text = agent.replace('https://farpoint.example.net:4318', url) + check;
    const host = new URL(url).hostname.replace(/[[\]]/g, '');
    expect(runFarpoint(['validate', write(text)]).output).toContain(`the collector is on ${host},`);
  });

  test('is warned about when the key would cross the network in plain text', () => {
    const plain = (url: string): string =>
      runFarpoint(['validate', write(agent.replace('https://farpoint.example.net', url))]).output;
    expect(plain('http://farpoint.example.net')).toContain('in plain text; use https');
    expect(plain('http://[::1]')).not.toContain('warning');
  });

  test('says what it leaves out because it depends on references', () => {
    const text = agent.replace('every: 15s', "every: '${env:EVERY}'");
    const { code, output } = runFarpoint(['validate', write(text)]);
    expect(code).toBe(0);
    expect(output).toContain(
      'not counted, because they depend on references (see --resolve): edge',
    );
  });

  test('of a collector tells listener, keys, sinks and fleet', () => {
    const { code, output } = runFarpoint(['validate', 'examples/collector.yaml']);
    expect(code).toBe(0);
    expect(output.replace(/fleet [0-9a-f]{12}/, 'fleet HASH'))
      .toBe(`examples/collector.yaml: valid; \
listens on 0.0.0.0:4318, TLS

key   for                   until
k1eu  eu-west, eu-west-web
k1us  us-east
k1ap  ap-south              2027-06-30T23:59:59.999Z

sink     type        required
metrics  prometheus
history  history

fleet: 4 checks on 6 targets, 3 regions, fleet HASH
`);
  });

  test('of a collector is warned about where nobody could report, or the record would fail', () => {
    const hash = `'${'a1'.repeat(32)}'`;
    write(agent.replaceAll('${env:FARPOINT_REGION}', 'eu-west'));
    const file = write(
      `version: 1
fleet: { file: agent.yaml }
keys:
  - { id: old, sha256: ${hash}, agents: [eu-west, eu-west-web], regions: [eu-west], expires: 2020-01-01 }
sinks:
  - { name: tsdb, type: prometheus, url: 'https://a.example.net/api/v1/write' }
`,
      'collector.yaml',
    );
    const { code, output } = runFarpoint(['validate', file]);
    expect(code).toBe(0);
    expect(output.split('\n').filter((line) => line.startsWith('warning: '))).toEqual([
      'warning: key old has expired',
      'warning: no key is for region us-east: nothing from there is accepted',
      'warning: a sink writes to a.example.net, which is checked too: when it fails, so does the record',
    ]);
  });
});

describe('references', () => {
  test('are resolved only when asked to, and then must be there', () => {
    const file = write(agent);
    const { code, output } = runFarpoint(['validate', '--resolve', file]);
    expect(code).toBe(2);
    expect(output).toBe(
      [
        `${file}:2:18: agent.region: environment variable FARPOINT_REGION is not set; set it, or give a default: \${env:FARPOINT_REGION:-default}`,
        `${file}:3:64: collector.key: cannot read file /nonexistent/key: no such file`,
        `${file}: 2 mistakes`,
        '',
      ].join('\n'),
    );
  });

  test('resolved, they are judged', () => {
    const file = write(agent.replace('${file:/nonexistent/key}', '${env:KEY}'));
    const resolve = (region: string) =>
      runFarpoint(['validate', '--resolve', file], { FARPOINT_REGION: region, KEY: 'secret-key' });
    expect(resolve('eu-west').code).toBe(0);
    const { code, output } = resolve('eu-wset');
    expect(code).toBe(2);
    expect(output).toContain(
      '${env:FARPOINT_REGION} is not one of regions (did you mean eu-west?)',
    );
  });
});

test('mistakes of several files are told together, and one is enough for exit code 2', () => {
  const wrong = write('version: 1\n', 'wrong.yaml');
  const { code, output } = runFarpoint(['validate', write(agent), wrong]);
  expect(code).toBe(2);
  expect(output).toMatch(/agent\.yaml: valid/);
  expect(output).toMatch(/wrong\.yaml: 3 mistakes/);
});

test('a file that is not there is a mistake', () => {
  const { code, output } = runFarpoint(['validate', '/nonexistent.yaml']);
  expect(code).toBe(2);
  expect(output).toContain('/nonexistent.yaml:1:1: cannot read the file: no such file');
});

test('a mistake in what is compared with is counted there', () => {
  const { code, output } = runFarpoint(['validate', write(agent), '--against', '/nowhere.yaml']);
  expect(code).toBe(2);
  expect(output).toMatch(/^\/nowhere\.yaml: 1 mistake$/m);
});

test('--against tells what changes, check by check', () => {
  const before = write(agent, 'before.yaml');
  const after = write(
    agent
      .replace('every: 30s', 'every: 1m, method: HEAD')
      .replace('name: api', 'name: api-status')
      .replace('[eu-west, us-east]', '[eu-west, us-east, ap-south]'),
  );
  const { output } = runFarpoint(['validate', after, '--against', before]);
  const changes = output.split('\n').filter((line) => /^[~+-] /.test(line));
  expect(changes).toEqual([
    '~ regions: list ["eu-west","us-east"] → ["eu-west","us-east","ap-south"]',
    '~ check home: schedule.everyMs 30000 → 60000',
    '~ check home: regions ["eu-west","us-east"] → ["eu-west","us-east","ap-south"]',
    '~ check home: settings.method "GET" → "HEAD"',
    '- check api',
    '~ check edge: regions ["eu-west","us-east"] → ["eu-west","us-east","ap-south"]',
    '~ check access: regions ["eu-west","us-east"] → ["eu-west","us-east","ap-south"]',
    '+ check api-status',
  ]);
  expect(runFarpoint(['validate', before, '--against', before]).output).toContain('no difference');
});
