import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type NewKey, newKey } from '#lib/key';
import { eventually } from '../eventually.ts';
import { Farpoint } from '../farpoint.ts';
import { freePort } from '../servers/real-servers.ts';
import { RecordingProxy } from '../servers/recording-proxy.ts';

export interface DeploymentOptions {
  readonly regions: readonly string[];
  /** YAML of `defaults:` and `checks:`. */
  readonly checks: string;
  /** YAML of the list items under `sinks:`. */
  readonly sinks: string;
}

/**
 * A collector and an agent in each region, as real processes in a temporary folder, with a recording
 * proxy between them. Parts can be stopped, killed and started again; their data stays.
 */
export class Deployment implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'farpoint-deployment-'));
  readonly proxy: RecordingProxy;
  readonly collectorUrl: string;
  readonly #keys: ReadonlyMap<string, NewKey>;
  readonly #programs = new Map<string, Farpoint>();

  private constructor(
    proxy: RecordingProxy,
    collectorUrl: string,
    keys: ReadonlyMap<string, NewKey>,
  ) {
    this.proxy = proxy;
    this.collectorUrl = collectorUrl;
    this.#keys = keys;
  }

  /** Writes the configuration; starts nothing but the proxy. */
  static async prepare({ regions, checks, sinks }: DeploymentOptions): Promise<Deployment> {
    const collectorUrl = `http://127.0.0.1:${await freePort()}`;
    const keys = new Map(regions.map((region) => [region, newKey(region)]));
    const deployment = new Deployment(
      await RecordingProxy.start(() => collectorUrl),
      collectorUrl,
      keys,
    );
    const keyLines = [...keys].map(
      ([region, { sha256 }]) =>
        `  - { id: ${region}, sha256: ${sha256}, agents: [${region}], regions: [${region}] }`,
    );
    deployment.#write('collector.yaml', [
      'version: 1',
      `listen: ${new URL(collectorUrl).host}`,
      `data: ${deployment.folder('collector')}`,
      'keys:',
      ...keyLines,
      'sinks:',
      sinks,
    ]);
    deployment.#write('agent.yaml', [
      'version: 1',
      'agent:',
      '  region: ${env:FARPOINT_REGION}',
      '  data: ${env:FARPOINT_DATA}',
      'collector:',
      `  urls: ['${deployment.proxy.url}']`,
      '  key: ${env:FARPOINT_KEY}',
      `regions: [${regions.join(', ')}]`,
      checks,
    ]);
    return deployment;
  }

  /** The data folder of the collector, or of a region's agent. */
  folder(name: string): string {
    const folder = join(this.directory, name);
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  async startCollector(): Promise<Farpoint> {
    const collector = Farpoint.start(['collector', '-c', join(this.directory, 'collector.yaml')]);
    this.#programs.set('collector', collector);
    await eventually('the collector to be ready', async () => {
      if (!collector.running) throw new Error(`the collector ended:\n${collector.output}`);
      return (await fetch(`${this.collectorUrl}/readyz`)).ok;
    });
    return collector;
  }

  startAgent(region: string, environment: Readonly<Record<string, string>> = {}): Farpoint {
    const agent = Farpoint.start(['agent', '-c', join(this.directory, 'agent.yaml')], {
      FARPOINT_REGION: region,
      FARPOINT_DATA: this.folder(region),
      FARPOINT_KEY: this.#keys.get(region)?.text ?? '',
      ...environment,
    });
    this.#programs.set(region, agent);
    return agent;
  }

  /** The running program: `collector`, or the agent of a region. */
  program(name: string): Farpoint {
    const program = this.#programs.get(name);
    if (program === undefined) throw new Error(`${name} was never started`);
    return program;
  }

  /** Agents first, so that nothing is sent to a collector that is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    const agents = [...this.#programs].filter(([name]) => name !== 'collector');
    await Promise.all(agents.map(([, program]) => program[Symbol.asyncDispose]()));
    await this.#programs.get('collector')?.[Symbol.asyncDispose]();
    await this.proxy[Symbol.asyncDispose]();
    rmSync(this.directory, { recursive: true, force: true });
  }

  #write(name: string, lines: readonly string[]): void {
    writeFileSync(join(this.directory, name), `${lines.join('\n')}\n`);
  }
}
