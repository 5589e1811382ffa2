import { execFileSync } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readAgentStatus } from '#lib/agent-status';
import { newKey } from '#lib/key';
import { parseExport, type StoredSeries } from './backend.ts';
import { eventually, Farpoint, program } from './farpoint.ts';
import { RegionNetwork } from './region-network.ts';

export const regions = ['eu-west', 'us-east', 'ap-south'] as const;
export type Region = (typeof regions)[number];
type Part = Region | 'collector' | 'backend' | 'service' | 'distance';

/** Every target is looked at this often from each region, within a deadline that a busy machine meets. */
export const intervalMs = 3000;
const targets = ['/a', '/b', '/c'];
const delayMs = 20;

/** One run as the backend has it. */
export interface StoredRun {
  readonly region: string;
  readonly target: string;
  readonly unixMs: number;
  readonly verdict: string;
  /** Unknown because this machine was too busy to judge: true, but not what a scenario is about. */
  readonly overloaded: boolean;
}

/**
 * Three regions, a service at a distance, a collector and VictoriaMetrics, each a real process in a
 * network namespace of its own; parts can be stopped, killed, moved and cut off from each other. One
 * region's way to the collector loses a packet in ten.
 */
export class World implements AsyncDisposable {
  readonly network = new RegionNetwork([...regions, 'service', 'collector', 'backend']);
  readonly #directory = mkdtempSync(join(tmpdir(), 'farpoint-world-'));
  readonly #keys = new Map(regions.map((region) => [region, newKey(region)]));
  readonly #programs = new Map<Part, Farpoint>();

  static async start(): Promise<World> {
    const world = new World();
    try {
      world.#configure();
      world.nameCollector(world.network.host('collector').address[4]);
      world.network.onTheWay('ap-south', 'collector', 'numgen random mod 100 < 10 drop');
      await world.startBackend();
      await world.startService();
      await world.startCollector();
      for (const region of regions) world.startAgent(region);
      return world;
    } catch (error) {
      await world[Symbol.asyncDispose]();
      throw error;
    }
  }

  async startService(): Promise<void> {
    const { address } = this.network.host('service');
    const proxy = join(import.meta.dirname, '../programs/delaying-proxy.ts');
    this.#start('service', 'service', ['nginx', '-c', this.#file('nginx.conf'), '-e', 'stderr']);
    this.#start('distance', 'service', [
      process.execPath,
      proxy,
      address[4],
      '80',
      '8080',
      String(delayMs),
    ]);
    await this.#answers('service', `http://${address[4]}/a`);
  }

  /** The service is gone: its address refuses connections. */
  async stopService(): Promise<void> {
    await this.stop('distance');
    await this.stop('service');
  }

  async startBackend(): Promise<void> {
    const address = `${this.network.host('backend').address[4]}:8428`;
    const flags = [
      '-retentionPeriod=1',
      '-search.latencyOffset=0s',
      '-search.disableCache',
      '-dedup.minScrapeInterval=1ms',
    ];
    const data = `-storageDataPath=${this.#file('backend')}`;
    this.#start('backend', 'backend', [
      'victoria-metrics',
      data,
      `-httpListenAddr=${address}`,
      ...flags,
    ]);
    await this.#answers('backend', `http://${address}/health`);
  }

  async startCollector(): Promise<void> {
    this.#start('collector', 'collector', [
      process.execPath,
      program,
      'collector',
      '-c',
      this.#file('collector.yaml'),
    ]);
    await this.#answers('collector', 'http://127.0.0.1:4318/readyz');
  }

  /** `skew` such as `+20s` shifts the clock that the agent sees. */
  startAgent(region: Region, skew?: string): void {
    const [library = ''] = globSync('/usr/lib/*/faketime/libfaketime.so.1');
    const skewed = { LD_PRELOAD: library, FAKETIME: skew ?? '', FAKETIME_DONT_FAKE_MONOTONIC: '1' };
    const command = [process.execPath, program, 'agent', '-c', this.#file('agent.yaml')];
    this.#start(region, region, command, {
      FARPOINT_REGION: region,
      FARPOINT_DATA: this.#file(region),
      FARPOINT_KEY: this.#keys.get(region)?.text ?? '',
      ...(skew === undefined ? {} : skewed),
    });
  }

  /** Ends a part; gives its exit code, null after SIGKILL. */
  async stop(part: Part, signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<number | null> {
    const running = this.#programs.get(part);
    this.#programs.delete(part);
    return (await running?.stop(signal)) ?? null;
  }

  /** Where agents find the collector from now on. */
  nameCollector(address: string): void {
    this.network.name({ 'collector.world': address });
  }

  /** No packet of the region arrives there until `mend`. */
  cut(region: Region, from: 'service' | 'collector'): void {
    this.network.onTheWay(region, from, 'drop');
  }

  mend(region: Region, to: 'service' | 'collector'): void {
    this.network.onTheWay(region, to, undefined);
  }

  /** Results that the region's agent has kept and not delivered, as it last said. */
  async waiting(region: Region): Promise<number | undefined> {
    return (await readAgentStatus(this.#file(region)))?.outbox.blocks;
  }

  /** Blocks that wait in the collector. */
  queued(): number {
    const metrics = this.#ask('collector', 'http://127.0.0.1:4318/metrics');
    const waiting = [...metrics.matchAll(/^farpoint_queue_blocks\{.*\} (\d+)/gm)];
    return waiting.length === 0
      ? Number.NaN
      : waiting.reduce((sum, [, blocks]) => sum + Number(blocks), 0);
  }

  /** Every run that the backend has, those it has twice twice. */
  runs(): readonly StoredRun[] {
    const keyOf = (labels: Readonly<Record<string, string>>, unixMs: number): string =>
      `${labels['region']} ${labels['instance']} ${unixMs}`;
    const overloaded = new Set(
      this.stored('probe_error{error_type="agent_overloaded"}').flatMap(({ labels, samples }) =>
        samples.map(([unixMs]) => keyOf(labels, unixMs)),
      ),
    );
    return this.stored('probe_verdict').flatMap(({ labels, samples }) =>
      samples
        .filter(([, value]) => value === 1)
        .map(([unixMs]) => ({
          region: labels['region'] ?? '',
          target: labels['instance'] ?? '',
          unixMs,
          verdict: labels['verdict'] ?? '',
          overloaded: overloaded.has(keyOf(labels, unixMs)),
        })),
    );
  }

  /** How many runs each region's agent has completed, by its own count. */
  completed(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const { labels, samples } of this.stored('farpoint_runs_completed_total')) {
      const region = labels['region'] ?? '';
      counts[region] = (counts[region] ?? 0) + Math.max(0, ...samples.map(([, value]) => value));
    }
    return counts;
  }

  stored(selector: string): StoredSeries[] {
    const url = `http://${this.network.host('backend').address[4]}:8428`;
    this.#ask('backend', `${url}/internal/force_flush`);
    // Unless told otherwise it leaves out the second it is in, and what is dated later.
    const end = Math.ceil(Date.now() / 1000) + 3600;
    return parseExport(
      this.#ask(
        'backend',
        `${url}/api/v1/export?match[]=${encodeURIComponent(selector)}&end=${end}`,
      ),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const region of regions) await this.stop(region);
    for (const part of ['collector', 'distance', 'service', 'backend'] as const)
      await this.stop(part);
    this.network[Symbol.dispose]();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #start(
    part: Part,
    host: string,
    command: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ): void {
    this.#programs.set(part, Farpoint.startOther(this.network.within(host, command), environment));
  }

  async #answers(part: Part, url: string): Promise<void> {
    await eventually(
      `${part} to answer`,
      () => {
        const running = this.#programs.get(part);
        if (!running?.running) throw new Error(`${part} has ended:\n${running?.output}`);
        this.#ask(part, url);
        return true;
      },
      60_000,
    );
  }

  /** The answer to GET, asked on the host itself. */
  #ask(host: string, url: string): string {
    const script = `fetch(${JSON.stringify(url)}).then(async (a) => { if (!a.ok) throw a.status; process.stdout.write(await a.text()); })`;
    const [command = '', ...args] = this.network.within(host, [process.execPath, '-e', script]);
    return execFileSync(command, args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      maxBuffer: 256 << 20,
    });
  }

  #file(name: string): string {
    return join(this.#directory, name);
  }

  #configure(): void {
    const keys = [...this.#keys].map(
      ([region, { sha256 }]) =>
        `  - { id: ${region}, sha256: ${sha256}, agents: [${region}], regions: [${region}] }`,
    );
    const backend = `http://${this.network.host('backend').address[4]}:8428/api/v1/write`;
    const service = `http://${this.network.host('service').address[4]}`;
    this.#write('collector.yaml', [
      'version: 1',
      'listen: 0.0.0.0:4318',
      'insecure: true',
      `data: ${this.#file('collector')}`,
      'keys:',
      ...keys,
      `sinks: [{ name: backend, type: prometheus, url: '${backend}', queue: { required: true } }]`,
    ]);
    this.#write('agent.yaml', [
      'version: 1',
      'agent: { region: "${env:FARPOINT_REGION}", data: "${env:FARPOINT_DATA}" }',
      "collector: { urls: ['http://collector.world:4318'], key: '${env:FARPOINT_KEY}' }",
      `regions: [${regions.join(', ')}]`,
      `defaults: { every: ${intervalMs / 1000}s, timeout: 2500ms, service: shop }`,
      'checks:',
      `  - { name: home, type: http, targets: [${targets.map((path) => `'${service}${path}'`).join(', ')}] }`,
    ]);
    this.#write('nginx.conf', [
      'daemon off; user root; worker_processes 1;',
      `pid ${this.#file('nginx.pid')}; events {}`,
      `http { access_log off; ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${this.#file(name)};`).join(' ')}`,
      'server { listen 127.0.0.1:8080; location / { return 200 "fine\\n"; } } }',
    ]);
    for (const region of regions) mkdirSync(this.#file(region));
  }

  #write(name: string, lines: readonly string[]): void {
    writeFileSync(this.#file(name), `${lines.join('\n')}\n`);
  }
}
