import { rmSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isReady } from './collector.ts';
import { createFolder, type DemoFolder, type Region, regions, temporaryFolder } from './folder.ts';
import { type Launcher, Program } from './programs.ts';
import { SampleService } from './service.ts';

const readyWithinMs = 20_000;

/** How to start Farpoint as a process of its own: the interpreter's path and the program's. */
export type StageOptions = Omit<Launcher, 'logFolder'>;

/** The sample service, the collector and the three agents, all running. Disposing stops them in order. */
export class Stage implements AsyncDisposable {
  readonly folder: DemoFolder;
  readonly service: SampleService;
  readonly #launcher: Launcher;
  readonly #running: AsyncDisposableStack;
  #collector: Program;
  readonly #agents = new Map<Region, Program>();
  #configuredMs: number;

  private constructor(parts: {
    folder: DemoFolder;
    service: SampleService;
    launcher: Launcher;
    running: AsyncDisposableStack;
    collector: Program;
    configuredMs: number;
  }) {
    this.folder = parts.folder;
    this.service = parts.service;
    this.#launcher = parts.launcher;
    this.#running = parts.running;
    this.#collector = parts.collector;
    this.#configuredMs = parts.configuredMs;
  }

  /** Sets everything up in a new temporary folder, the collector before the agents. */
  static async open(launcher: StageOptions, signal: AbortSignal): Promise<Stage> {
    await using running = new AsyncDisposableStack();
    const path = await temporaryFolder();
    const remove = (): void => rmSync(path, { recursive: true, force: true, maxRetries: 5 });
    process.once('exit', remove);
    running.defer(() => {
      process.off('exit', remove);
      remove();
    });
    const accessLogFile = join(path, 'access.log');
    const service = running.use(await SampleService.start(accessLogFile));
    const folder = await createFolder(path, service.port);
    const logged = { ...launcher, logFolder: folder.logs };
    await mkdir(folder.logs, { recursive: true });
    const collector = running.use(startCollector(logged, folder));
    await untilReady(collector, folder, signal);
    const configuredMs = (await stat(folder.agentFile)).mtimeMs;
    const stage = new Stage({
      folder,
      service,
      launcher: logged,
      running: running.move(),
      collector,
      configuredMs,
    });
    for (const region of regions) stage.#startAgent(region);
    return stage;
  }

  /**
   * Starts what somebody stopped or killed once more, as a container would be, and names it. Throws when
   * a program gave up by itself.
   */
  restartStopped(): readonly string[] {
    const programs = [this.#collector, ...this.#agents.values()];
    const failure = programs.find((program) => program.failure !== undefined)?.failure;
    if (failure !== undefined) throw new Error(`cannot go on: ${failure}`);
    if (this.#collector.wasStopped) {
      this.#collector = this.#running.use(startCollector(this.#launcher, this.folder));
    }
    for (const [region, agent] of this.#agents) if (agent.wasStopped) this.#startAgent(region);
    return programs.filter(({ wasStopped }) => wasStopped).map(({ name }) => name);
  }

  /**
   * Restarts the agents when their file was edited since, and says so; a file with mistakes is not
   * taken, and its first mistake is said.
   */
  async followEdits(): Promise<string | undefined> {
    const changedMs = await stat(this.folder.agentFile).then(
      ({ mtimeMs }) => mtimeMs,
      () => this.#configuredMs,
    );
    if (changedMs === this.#configuredMs) return undefined;
    this.#configuredMs = changedMs;
    const mistake = await this.#validate();
    if (mistake !== undefined) return mistake;
    await Promise.all([...this.#agents.values()].map((agent) => agent[Symbol.asyncDispose]()));
    for (const region of regions) this.#startAgent(region);
    return 'the configuration changed; the agents restarted with it';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#agents.values()].map((agent) => agent[Symbol.asyncDispose]()));
    await this.#running.disposeAsync();
  }

  #startAgent(region: Region): void {
    const options = {
      arguments: ['agent', '-c', this.folder.agentFile],
      environment: this.folder.agentEnvironment(region),
    };
    this.#agents.set(region, new Program(this.#launcher, region, options));
  }

  async #validate(): Promise<string | undefined> {
    const [region] = regions;
    const { status, output } = await Program.run(this.#launcher, {
      arguments: ['validate', this.folder.agentFile, '--resolve'],
      environment: this.folder.agentEnvironment(region),
    });
    return status === 0
      ? undefined
      : output.split('\n').find((line) => line.includes('agent.yaml'));
  }
}

function startCollector(launcher: Launcher, { collectorFile }: DemoFolder): Program {
  const words = ['collector', '-c', collectorFile];
  return new Program(launcher, 'collector', { arguments: words, environment: {} });
}

async function untilReady(
  collector: Program,
  folder: DemoFolder,
  signal: AbortSignal,
): Promise<void> {
  const deadlineMs = performance.now() + readyWithinMs;
  while (!(await isReady(folder.collectorUrl))) {
    if (collector.failure !== undefined || performance.now() > deadlineMs) {
      throw new Error(`cannot start: ${collector.failure ?? 'the collector does not get ready'}`);
    }
    await delay(100, undefined, { signal });
  }
}
