import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { newKey } from '#lib/key';
import { parseExport, type StoredSeries } from '../deployments/backend.ts';
import { eventually } from '../eventually.ts';
import { randomFrom } from '../random.ts';
import { confinement, type Engine } from './image.ts';
import { makeStandIns } from './stand-ins.ts';

export interface ContainerKillsReport {
  readonly kills: number;
  /** Runs that are in the backend. */
  readonly runs: number;
  /** Those of them that could not be judged: a busy machine has many. */
  readonly unknown: number;
  /** Runs that are missing or there twice, and false downs. */
  readonly flaws: readonly string[];
}

const names = ['kills-agent', 'kills-collector', 'kills-backend'] as const;
const [agent, collector, backend] = names;
/**
 * Kills the container of an agent with SIGKILL at random moments, `count` times, and starts it again,
 * while the containers of a collector and of VictoriaMetrics run. Every target counts its completed
 * runs in the record of the result itself: so what the backend has at the end must be 1, 2, 3… without
 * a gap or a repetition, and no verdict down. The image must be built.
 */
export async function containerKills(
  engine: Engine,
  image: string,
  { count, seed }: { readonly count: number; readonly seed: number },
): Promise<ContainerKillsReport> {
  const random = randomFrom(seed);
  makeStandIns(engine, /victoria-metrics/);
  using _ = startAll(engine, image);
  for (let kill = 0; kill < count; kill += 1) {
    // From before the program runs to well into its work.
    await delay(random() < 0.2 ? random() * 400 : 700 + random() * 900);
    engine.podman(['kill', '--signal=KILL', agent]);
    await eventually('the agent to be dead', () => !running(engine));
    engine.podman(['start', agent]);
  }
  await delay(3000);
  engine.podman(['stop', '--time=10', agent]);
  const exitCode = engine.podman(['inspect', '--format={{.State.ExitCode}}', agent]);
  await eventually('nothing to be on its way', () => metric(engine, 'farpoint_queue_blocks') === 0);
  return { kills: count, ...judge(engine, exitCode) };
}

function startAll(engine: Engine, image: string): Disposable {
  const undo = new DisposableStack();
  undo.defer(() => engine.try(['rm', '--force', '--volumes', '--time=1', ...names]));
  engine.try(['rm', '--force', '--volumes', '--time=1', ...names]);
  const folder = configure(engine);
  const mount = (name: string, path = `/etc/farpoint/${name}`): string =>
    `--volume=${join(folder, name)}:${path}:ro`;
  const run = (name: string, options: readonly string[], command: readonly string[]): void => {
    engine.podman(['run', '--detach', `--name=${name}`, ...confinement, ...options, ...command]);
  };
  const shared = `--network=container:${backend}`;
  run(
    backend,
    [
      '--network=none',
      '--sysctl=net.ipv4.ping_group_range=0 2147483647',
      '--volume=/victoria-metrics-data',
    ],
    ['docker.io/victoriametrics/victoria-metrics:v1.122.0', '-search.disableCache'],
  );
  run(collector, [shared, mount('collector.yaml')], [image, 'collector']);
  run(
    agent,
    [
      shared,
      '--env=FARPOINT_REGION=eu',
      '--env=FARPOINT_COLLECTOR=http://127.0.0.1:4318',
      mount('key', '/run/secrets/farpoint_key'),
      mount('fleet.yaml'),
    ],
    [image],
  );
  return undo;
}

function configure(engine: Engine): string {
  const { text, sha256, id } = newKey();
  const folder = join(engine.directory, 'kills');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { mode: 0o755 });
  writeFileSync(join(folder, 'key'), text, { mode: 0o644 });
  writeFileSync(
    join(folder, 'collector.yaml'),
    `version: 1
keys: [{ id: ${id}, sha256: ${sha256}, agents: [eu], regions: [eu] }]
sinks: [{ name: backend, type: prometheus, url: 'http://127.0.0.1:8428/api/v1/write', queue: { required: true } }]
`,
  );
  writeFileSync(
    join(folder, 'fleet.yaml'),
    `regions: [eu]
defaults: { every: 500ms, timeout: 450ms, service: backend }
checks:
  - { name: near, type: ping, target: 127.0.0.1, count: 1 }
  - { name: port, type: tcp, target: '127.0.0.1:8428' }
  - { name: page, type: http, target: 'http://127.0.0.1:8428/health' }
`,
  );
  return folder;
}

function judge(engine: Engine, exitCode: string): Omit<ContainerKillsReport, 'kills'> {
  inside(engine, 'http://127.0.0.1:8428/internal/force_flush');
  const completed = stored(engine, 'farpoint_runs_completed_total');
  const flaws = exitCode === '0' ? [] : [`the agent ended with ${exitCode}`];
  for (const { labels, samples } of completed) {
    const counts = samples.map(([, value]) => value);
    const wrong = counts.findIndex((value, index) => value !== index + 1);
    if (wrong >= 0) flaws.push(`${labels['check']}: run ${wrong + 1} counts ${counts[wrong]}`);
  }
  const runs = completed.reduce((sum, { samples }) => sum + samples.length, 0);
  if (completed.length !== 3) flaws.push(`${completed.length} checks instead of 3`);
  let unknown = 0;
  for (const { labels, samples } of stored(engine, 'probe_verdict')) {
    const { check, verdict } = labels;
    const seen = samples.filter(([, value]) => value === 1).length;
    if (verdict === 'down' && seen > 0) flaws.push(`${check}: ${seen} times a false down`);
    if (verdict === 'unknown') unknown += seen;
    const counted = completed.find((one) => one.labels['check'] === check)?.samples.length;
    if (counted !== samples.length)
      flaws.push(`${check}: ${samples.length} verdicts of ${counted} runs`);
  }
  return { runs, unknown, flaws };
}

function running(engine: Engine): boolean {
  return engine.podman(['inspect', '--format={{.State.Running}}', agent]) === 'true';
}

function stored(engine: Engine, selector: string): readonly StoredSeries[] {
  return parseExport(inside(engine, `http://127.0.0.1:8428/api/v1/export?match[]=${selector}`));
}

/** The sum over the series of a metric that the collector has about itself. */
function metric(engine: Engine, name: string): number {
  const lines = inside(engine, 'http://127.0.0.1:4318/metrics').split('\n');
  const values = lines
    .filter((line) => line.startsWith(`${name}{`))
    .map((line) => line.split(' ')[1]);
  if (values.length === 0) throw new Error(`the collector has no ${name}`);
  return values.reduce((sum, value) => sum + Number(value), 0);
}

/** What is answered in the network that the containers share. */
function inside(engine: Engine, url: string): string {
  const script = `fetch(${JSON.stringify(url)}).then((answer) => answer.text()).then(console.log)`;
  return engine.podman(['exec', collector, 'node', '-e', script]);
}
