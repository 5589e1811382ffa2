import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { eventually } from '../eventually.ts';
import type { Engine } from './image.ts';
import { makeStandIns } from './stand-ins.ts';

const root = join(import.meta.dirname, '../../..');
const namespace = 'farpoint-compose';

export type Compose = 'docker-compose' | 'podman-compose';

/**
 * docker/compose.yaml, started by docker/up.sh over podman, from a copy of this repository and with the
 * images of `makeStandIns`. Its networks are in a namespace without a route out. Needs root, podman,
 * netavark, aardvark-dns, iptables, and the compose that is asked for.
 */
export class ComposeStack implements Disposable {
  readonly #engine: Engine;
  readonly #compose: Compose;
  readonly #directory = mkdtempSync(join(tmpdir(), 'farpoint-compose-'));
  readonly #service: ChildProcess;
  readonly #environment: Readonly<Record<string, string>>;

  private constructor(engine: Engine, compose: Compose) {
    this.#engine = engine;
    this.#compose = compose;
    for (const name of readdirSync(root).filter((entry) => !notCopied.has(entry))) {
      cpSync(join(root, name), join(this.#directory, name), {
        recursive: true,
        preserveTimestamps: true,
        filter: (path) => basename(path) !== 'secrets',
      });
    }
    spawnSync('ip', ['netns', 'delete', namespace]);
    run(['ip', 'netns', 'add', namespace]);
    run([...inside, 'ip', 'link', 'set', 'lo', 'up']);
    const socket = `unix://${this.#socket}`;
    this.#environment = {
      ...engine.environment,
      COMPOSE: compose === 'docker-compose' ? compose : [...inside, compose].join(' '),
      DOCKER_HOST: socket,
      // Through the socket, since there is no docker; and in the format that has health checks.
      COMPOSE_DOCKER_CLI_BUILD: '0',
      BUILDAH_FORMAT: 'docker',
    };
    const [command, ...args] = [...inside, 'podman', 'system', 'service', '--time=0', socket];
    this.#service = spawn(command ?? '', args, { env: engine.environment, stdio: 'ignore' });
  }

  /** Builds the images; starts nothing of the stack. */
  static async prepare(engine: Engine, compose: Compose): Promise<ComposeStack> {
    engine.buildImage('farpoint:local');
    makeStandIns(engine);
    const stack = new ComposeStack(engine, compose);
    await eventually('the service of podman', () => existsSync(stack.#socket));
    return stack;
  }

  /** docker/up.sh, to its end. */
  compose(...words: readonly string[]): void {
    run(['sh', join(this.#directory, 'docker/up.sh'), ...words], this.#environment);
  }

  /** What a page answers to a browser on the machine where the stack runs. */
  page(url: string): string {
    const script = `fetch(${JSON.stringify(url)}).then((answer) => answer.text()).then(console.log)`;
    return run([...inside, process.execPath, '-e', script]);
  }

  /** The name that the container of a service has. */
  container(service: string): string {
    return `docker_${service}_1`;
  }

  /** Containers, volumes and networks that are there now; podman-compose 1.0 removes no networks. */
  get left(): readonly string[] {
    const networks = ['network', 'ls', '--format={{.Name}}', '--filter=name=docker_'];
    return [
      ['ps', '--all', '--format={{.Names}}'],
      ['volume', 'ls', '--quiet', '--filter=name=docker_'],
      ...(this.#compose === 'podman-compose' ? [] : [networks]),
    ].flatMap((question) => this.#engine.podman(question).split('\n').filter(Boolean));
  }

  [Symbol.dispose](): void {
    this.#engine.try(['rm', '--all', '--force', '--depend', '--volumes', '--time=1']);
    this.#engine.try(['volume', 'prune', '--force']);
    this.#engine.try(['network', 'prune', '--force']);
    this.#service.kill();
    spawnSync('ip', ['netns', 'delete', namespace]);
    rmSync(this.#directory, { recursive: true, force: true });
    rmSync(this.#socket, { force: true });
  }

  get #socket(): string {
    return join(this.#engine.directory, 'podman.sock');
  }
}

/** Not `ip netns exec`, which would mount another /sys, without control groups. */
const inside = ['nsenter', `--net=/run/netns/${namespace}`];

const notCopied = new Set(['.git', 'node_modules', 'dist']);

function run(
  words: readonly string[],
  environment = process.env as Record<string, string>,
): string {
  const [command = '', ...args] = words;
  const { status, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    env: environment,
    timeout: 120_000,
    maxBuffer: 64 << 20,
  });
  if (status !== 0)
    throw new Error(`${words.join(' ')}: exit ${status}\n${stdout}${stderr}`.slice(-4000));
  return stdout;
}
