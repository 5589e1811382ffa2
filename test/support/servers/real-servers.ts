import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Where a server is to live: decided before it starts, and kept when it starts again. */
export interface Place {
  readonly port: number;
  /** Its own temporary folder. */
  readonly directory: string;
}

interface Recipe {
  readonly command: string;
  readonly arguments: (place: Place) => readonly string[];
  /** Answers 2xx to GET once the server works. */
  readonly readyPath: string;
  readonly prepare?: (place: Place) => void;
}

const readyWithinMs = 20_000;
const stopWithinMs = 10_000;

/** Nothing outlives the tests, not even when they are cut short. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill();
});

/** A real server on loopback, from `start…` until it is disposed; its folder is removed then. */
export class RealServer implements AsyncDisposable {
  readonly port: number;
  readonly directory: string;
  readonly #recipe: Recipe;
  #process: ChildProcess | undefined;
  #output = '';

  constructor(recipe: Recipe, place: Place) {
    this.port = place.port;
    this.directory = place.directory;
    this.#recipe = recipe;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Everything it has printed. */
  get output(): string {
    return this.#output;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Starts it, on the same port and with the same data as before; resolves when it is ready. */
  async start(): Promise<void> {
    const { command, readyPath } = this.#recipe;
    const child = spawn(command, this.#recipe.arguments(this), {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        this.#output = (this.#output + chunk.toString()).slice(-100_000);
      });
    }
    child.once('error', (error) => (this.#output += String(error)));
    running.add(child);
    child.once('exit', () => running.delete(child));
    await this.#ready(`${this.url}${readyPath}`, child);
  }

  /** Ends it and waits until it is gone; `start` brings it back. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), stopWithinMs);
    await exited;
    clearTimeout(timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  async #ready(url: string, child: ChildProcess): Promise<void> {
    const giveUpAt = performance.now() + readyWithinMs;
    while (performance.now() < giveUpAt && child.exitCode === null && child.pid !== undefined) {
      const answer = await fetch(url).catch(() => undefined);
      await answer?.body?.cancel();
      if (answer?.ok) return;
      await sleep(25);
    }
    throw new Error(`${this.#recipe.command} did not start:\n${this.#output}`);
  }
}

/** Duplicates stay visible in /api/v1/export unless `flags` say otherwise. */
export function startVictoriaMetrics(flags: readonly string[] = []): Promise<RealServer> {
  return startServer({
    command: 'victoria-metrics',
    arguments: ({ port, directory }) => [
      `-storageDataPath=${directory}/data`,
      '-retentionPeriod=1',
      `-httpListenAddr=127.0.0.1:${port}`,
      '-search.latencyOffset=0s',
      '-search.disableCache',
      ...flags,
    ],
    readyPath: '/health',
  });
}

/** Takes remote write. `outOfOrderWindow` such as `24h`; without it late samples are refused. */
export function startPrometheus({
  outOfOrderWindow,
}: { readonly outOfOrderWindow?: string } = {}): Promise<RealServer> {
  return startServer({
    command: 'prometheus',
    prepare: ({ directory }) => {
      const storage =
        outOfOrderWindow === undefined
          ? ''
          : `storage:\n  tsdb:\n    out_of_order_time_window: ${outOfOrderWindow}\n`;
      writeFileSync(join(directory, 'prometheus.yml'), `global: {}\n${storage}`);
    },
    arguments: ({ port, directory }) => [
      `--config.file=${directory}/prometheus.yml`,
      `--storage.tsdb.path=${directory}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--web.enable-remote-write-receiver',
      '--web.enable-lifecycle',
    ],
    readyPath: '/-/ready',
  });
}

/**
 * `http` is what stands inside `http { }`, as configuration text; it must answer 2xx to GET `readyPath`
 * on the port. Everything nginx writes goes below its folder; `modules` are files to load besides.
 */
export function startNginx(
  http: (place: Place) => string,
  {
    readyPath = '/',
    modules = [],
  }: { readonly readyPath?: string; readonly modules?: readonly string[] } = {},
): Promise<RealServer> {
  return startServer({
    command: 'nginx',
    prepare: (place) => {
      writeFileSync(
        join(place.directory, 'nginx.conf'),
        nginxConfiguration(http(place), modules, place),
      );
    },
    arguments: ({ directory }) => [
      '-c',
      join(directory, 'nginx.conf'),
      '-p',
      directory,
      '-e',
      'stderr',
    ],
    readyPath,
  });
}

/** Evaluates `rules`, a file of recording rules, over a VictoriaMetrics, and writes there what it records. */
export function startVmalert(options: {
  readonly rules: string;
  readonly victoriaUrl: string;
}): Promise<RealServer> {
  return startServer({
    command: 'vmalert',
    prepare: ({ directory }) => {
      writeFileSync(join(directory, 'rules.yaml'), options.rules);
    },
    arguments: ({ port, directory }) => [
      `-rule=${directory}/rules.yaml`,
      `-datasource.url=${options.victoriaUrl}`,
      `-remoteWrite.url=${options.victoriaUrl}`,
      '-remoteWrite.flushInterval=200ms',
      `-httpListenAddr=127.0.0.1:${port}`,
    ],
    readyPath: '/api/v1/alerts',
  });
}

/** `modules` is what stands below `modules:` in its configuration. */
export function startBlackboxExporter(modules: string): Promise<RealServer> {
  return startServer({
    command: 'prometheus-blackbox-exporter',
    prepare: ({ directory }) => {
      writeFileSync(join(directory, 'blackbox.yml'), `modules:\n${modules}`);
    },
    arguments: ({ port, directory }) => [
      `--config.file=${directory}/blackbox.yml`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    readyPath: '/-/healthy',
  });
}

/** A forward proxy that lets everyone connect to loopback, and to any port there. */
export function startSquid(): Promise<RealServer> {
  return startServer({
    command: 'squid',
    prepare: ({ directory, port }) => {
      const lines = [
        `http_port 127.0.0.1:${port}`,
        'acl loopback dst 127.0.0.0/8',
        'http_access allow loopback',
        'http_access deny all',
        'cache deny all',
        'shutdown_lifetime 0 seconds',
        'access_log none',
        `cache_log ${directory}/cache.log`,
        `pid_filename ${directory}/squid.pid`,
        `coredump_dir ${directory}`,
        'cache_effective_user proxy',
      ];
      chmodSync(directory, 0o777);
      writeFileSync(join(directory, 'squid.conf'), `${lines.join('\n')}\n`);
    },
    arguments: ({ directory }) => ['-N', '-f', join(directory, 'squid.conf')],
    readyPath: '/squid-internal-mgr/menu',
  });
}

/**
 * A port nobody listens on at the moment, and that no socket is given by itself (Linux gives from 32,768
 * on): whoever asks for any port, here or in another test, does not get it before it is used.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 20_000);
    const server = createServer().listen(port, '127.0.0.1');
    if (!(await isListening(server))) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}

async function isListening(server: Server): Promise<boolean> {
  return once(server, 'listening').then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') return false;
      throw error;
    },
  );
}

async function startServer(recipe: Recipe): Promise<RealServer> {
  const directory = mkdtempSync(join(tmpdir(), `farpoint-${recipe.command}-`));
  const place = { port: await freePort(), directory };
  recipe.prepare?.(place);
  const server = new RealServer(recipe, place);
  try {
    await server.start();
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
  return server;
}

function nginxConfiguration(
  http: string,
  modules: readonly string[],
  { directory }: Place,
): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return [
    ...modules.map((file) => `load_module ${file};`),
    'daemon off;',
    process.getuid?.() === 0 ? 'user root;' : '',
    'worker_processes 1;',
    `pid ${directory}/nginx.pid;`,
    'events {}',
    'http {',
    ...temporary.map((name) => `${name}_temp_path ${directory}/${name};`),
    http,
    '}',
  ].join('\n');
}
