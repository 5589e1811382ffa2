import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newKey } from '#lib/key';
import packageJson from '../../package.json' with { type: 'json' };
import { containerKills } from '../support/containers/container-kills.ts';
import { eventually } from '../support/eventually.ts';
import { confinement, Engine } from '../support/containers/image.ts';
import { needs } from '../support/needs.ts';

const image = 'farpoint:test';
const key = newKey();
const readHistory = `fetch('http://127.0.0.1:4318/api/v1/targets', { headers: { authorization: 'Bearer ${key.text}' } })
  .then((answer) => answer.text()).then(console.log)`;
/** What Docker sets by itself. */
const unprivilegedPing = '--sysctl=net.ipv4.ping_group_range=0 2147483647';

needs('root', 'podman', 'runc', 'mmdebstrap', 'victoria-metrics')('the image', () => {
  let engine: Engine;
  beforeAll(() => {
    engine = new Engine();
    engine.buildImage(image);
    configure();
  }, 900_000);
  afterAll(() => engine[Symbol.dispose](), 120_000);

  test('is of compiled JavaScript and production dependencies, for an unprivileged user', () => {
    const [{ Config, Healthcheck }] = JSON.parse(engine.podman(['inspect', '--type=image', image]));
    expect(Config).toMatchObject({
      User: '1000:1000',
      Entrypoint: ['farpoint'],
      Volumes: { '/var/lib/farpoint': {} },
      Labels: {
        'org.opencontainers.image.title': 'Farpoint',
        'org.opencontainers.image.licenses': 'Apache-2.0',
        'org.opencontainers.image.version': packageJson.version,
        'org.opencontainers.image.base.name': 'docker.io/library/debian:bookworm-slim',
      },
    });
    expect(Healthcheck.Test).toEqual(['CMD', 'farpoint', 'health']);
    const files = inside(['find', '/opt/farpoint', '-name', '*.ts', '-not', '-name', '*.d.ts', '-path', '/opt/farpoint/dist/*']);
    expect(files).toBe('');
    const modules = inside(['ls', '/opt/farpoint/node_modules']).split('\n');
    expect(modules).toEqual(['@koromix', '@napi-rs', 'koffi', 'snappy']);
    expect(inside(['grep', '-c', 'license', '-i', '/opt/farpoint/LICENSES'])).toMatch(/^\d{3,}$/);
    const cached = inside(['find', '/opt/farpoint/compile-cache', '-type', 'f']).split('\n');
    expect(cached.length, 'of agents and the collector').toBeGreaterThan(40);
    const { components } = JSON.parse(inside(['cat', '/opt/farpoint/sbom.cdx.json']));
    const listed = components.map(({ name }: { name: string }) => name);
    expect(listed).toEqual(expect.arrayContaining(Object.keys(packageJson.dependencies)));
    expect(listed).not.toContain('vitest');
  });

  test('without a configuration it says what is missing', () => {
    const { code, output } = engine.try(['run', '--rm', '--network=none', ...confinement, image]);
    expect(code).toBe(2);
    expect(output).toMatch(/agent\.region: environment variable FARPOINT_REGION is not set/);
    expect(output).toMatch(/include\[0\]: there is no such file/);
  });

  test(
    'collector and agent work confined: healthy, pings unprivileged, stops in time, writes nowhere else',
    { timeout: 120_000 },
    async () => {
      run('collector', ['--network=none', unprivilegedPing, ...mount('collector.yaml')], ['collector']);
      await eventually('the collector to be healthy', () => healthy('collector'), 30_000);
      runAgent('agent', 'collector');
      await eventually('the agent to be healthy', () => healthy('agent'), 30_000);
      const seen = await eventually('runs in the history', () => {
        const { targets } = JSON.parse(engine.podman(['exec', 'collector', 'node', '-e', readHistory]));
        return targets[0]?.runs.length >= 3 && targets[0];
      });
      expect(seen).toMatchObject({ check: 'near', region: 'eu', verdict: 'up' });
      for (const name of ['agent', 'collector']) {
        expect(engine.podman(['top', name, 'user', 'capeff'])).toMatch(/\n(?:1000|farpoint)\s+none$/);
        expect(stop(name)).toEqual({ exitCode: 0, inTime: true });
        expect(changedFiles(name)).toEqual([]);
      }
    },
  );

  test('stops in time, too, while its collector takes requests and answers none', { timeout: 60_000 }, async () => {
    const script = 'require("net").createServer((socket) => socket.resume()).listen(4318)';
    run('silent', ['--network=none', '--entrypoint=node'], ['-e', script]);
    runAgent('hanging', 'silent');
    await eventually('the agent to be healthy', () => healthy('hanging'), 30_000);
    await eventually('results to wait', () => {
      const { code, output } = engine.try(['exec', 'hanging', 'cat', 'status.json']);
      return code === 0 && JSON.parse(output).outbox.blocks > 2;
    });
    expect(stop('hanging')).toEqual({ exitCode: 0, inTime: true });
  });

  test('killed and started again it loses nothing, doubles nothing, and calls nothing down', { timeout: 120_000 }, async () => {
    const { runs, flaws } = await containerKills(engine, image, { count: 3, seed: 7 });
    expect(flaws).toEqual([]);
    expect(runs).toBeGreaterThan(3);
  });

  /** Its output in a container of its own. */
  function inside(command: readonly string[]): string {
    const [entrypoint = '', ...rest] = command;
    return engine.podman(['run', '--rm', '--network=none', `--entrypoint=${entrypoint}`, image, ...rest]);
  }

  function run(name: string, options: readonly string[], command: readonly string[]): void {
    engine.podman(['run', '--detach', `--name=${name}`, ...confinement, ...options, image, ...command]);
  }

  /** An agent in the network of another container, which is to be its collector. */
  function runAgent(name: string, collector: string): void {
    run(
      name,
      [
        `--network=container:${collector}`,
        '--env=FARPOINT_REGION=eu',
        '--env=FARPOINT_COLLECTOR=http://127.0.0.1:4318',
        `--volume=${file('key')}:/run/secrets/farpoint_key:ro`,
        ...mount('fleet.yaml'),
      ],
      [],
    );
  }

  /** As an orchestrator does; how it ended, and whether within two seconds. */
  function stop(name: string): { exitCode: number; inTime: boolean } {
    const askedUnixMs = Date.now();
    engine.podman(['stop', '--time=10', name]);
    const { State } = JSON.parse(engine.podman(['inspect', name]))[0];
    return { exitCode: State.ExitCode, inTime: Date.parse(State.FinishedAt) - askedUnixMs < 2000 };
  }

  function healthy(name: string): boolean {
    const { State } = JSON.parse(engine.podman(['inspect', name]))[0];
    if (!State.Running) throw new Error(`${name} has ended:\n${engine.try(['logs', name]).output}`);
    return engine.try(['healthcheck', 'run', name]).code === 0;
  }

  /** What the container changed in its image's files; a mount point that was made for it does not count. */
  function changedFiles(name: string): readonly string[] {
    const mounted = /^[AC] \/(?:run|etc|etc\/farpoint|var|var\/lib|var\/lib\/farpoint|run\/.*|etc\/farpoint\/.*|etc\/mtab)$/;
    const changes = engine.podman(['diff', name]).split('\n').filter(Boolean);
    return changes.filter((change) => !mounted.test(change));
  }

  function mount(name: string): readonly string[] {
    return [`--volume=${file(name)}:/etc/farpoint/${name}:ro`];
  }

  function file(name: string): string {
    return join(engine.directory, 'configuration', name);
  }

  function configure(): void {
    const { text, sha256, id } = key;
    rmSync(join(engine.directory, 'configuration'), { recursive: true, force: true });
    mkdirSync(join(engine.directory, 'configuration'), { mode: 0o755 });
    writeFileSync(file('key'), text, { mode: 0o644 });
    writeFileSync(
      file('collector.yaml'),
      `version: 1\nkeys: [{ id: ${id}, sha256: ${sha256}, agents: [eu], regions: [eu], scopes: [read] }]\n`,
    );
    writeFileSync(
      file('fleet.yaml'),
      `regions: [eu]\nchecks: [{ name: near, type: ping, service: s, target: 127.0.0.1, every: 1s, timeout: 900ms, count: 1 }]\n`,
    );
  }
});
