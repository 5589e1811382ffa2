import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readAgentStatus } from '#lib/agent-status';
import { newKey } from '#lib/key';
import { skewedClock } from '../clocks/skewed-clock.ts';
import { StoredRuns } from '../deployments/stored-runs.ts';
import { eventually } from '../eventually.ts';
import { Farpoint, program } from '../farpoint.ts';
import { askWithin } from '../network/ask-within.ts';
import { RegionNetwork } from '../network/region-network.ts';
import { writeWorldFiles } from './files.ts';
import { OnCall } from './on-call.ts';

export const regions = ['eu-west', 'us-east', 'ap-south'] as const;
export type Region = (typeof regions)[number];
type Part =
  | Region
  | 'service'
  | 'distance'
  | 'collector'
  | 'victoria'
  | 'prometheus'
  | 'vmalert'
  | 'alertmanager-prometheus'
  | 'alertmanager-vmalert';

/** Every target is looked at this often from each region, within a deadline that a busy machine meets. */
export const intervalMs = 3000;
/** Of the service, which each region sees from afar. */
const paths = ['/a', '/b', '/c', '/d', '/e', '/f'];
/** One way, give or take. */
const distance = { delayMs: 20, jitterMs: 5 };
const webhookPorts = { prometheus: 5001, vmalert: 5002 };
const alertmanagerPorts = { prometheus: 9093, vmalert: 9094 };

/** In hasty rules a moment without a processor is a long silence: other tests can wait, the world goes first. */
const first = ['nice', '-n', '-10'];

export interface WorldOptions {
  /** By what factor time passes faster for the alert rules; 1 is as they are shipped. */
  readonly haste: number;
}

/**
 * Three regions far away from a service, a collector, two backends (VictoriaMetrics and Prometheus) and
 * all that alerts: each a real process, each place a network namespace; parts can be stopped, killed,
 * moved and cut off from each other. One region's way to the collector loses a packet in ten.
 */
export class World implements AsyncDisposable {
  readonly network = new RegionNetwork({
    near: ['service', 'collector', 'backend', 'alerts'],
    far: regions,
  });
  readonly targets = paths.map((path) => `http://${this.#address('service')}${path}`);
  /** Who is told by each of the two that evaluate the rules. */
  readonly onCall = {
    prometheus: new OnCall(this.network.host('alerts'), webhookPorts.prometheus),
    vmalert: new OnCall(this.network.host('alerts'), webhookPorts.vmalert),
  };
  /** What VictoriaMetrics has. */
  readonly stored = new StoredRuns(this.#url('victoria'), (url) => this.#ask('backend', url));
  readonly haste: number;
  readonly #directory = mkdtempSync(join(tmpdir(), 'farpoint-world-'));
  readonly #keys = new Map(regions.map((region) => [region, newKey(region)]));
  readonly #programs = new Map<Part, Farpoint>();

  private constructor({ haste }: WorldOptions) {
    this.haste = haste;
  }

  static async start(options: WorldOptions): Promise<World> {
    const world = new World(options);
    try {
      world.#writeFiles();
      world.nameCollector(world.#address('collector'));
      world.network.onTheWay('ap-south', 'collector', 'numgen random mod 100 < 10 drop');
      world.#startDistance();
      await world.startBackends();
      await world.startService();
      await world.startCollector();
      for (const region of regions) world.startAgent(region);
      await world.#startAlerting();
      return world;
    } catch (error) {
      await world[Symbol.asyncDispose]();
      throw error;
    }
  }

  async startService(): Promise<void> {
    this.#start('service', 'service', ['nginx', '-c', this.#file('nginx.conf'), '-e', 'stderr']);
    await this.#answers('service', this.targets[0] ?? '');
  }

  /** The service is gone: its address refuses connections. */
  async stopService(): Promise<void> {
    await this.stop('service');
  }

  async startBackends(): Promise<void> {
    this.#start('victoria', 'backend', [
      'victoria-metrics',
      `-storageDataPath=${this.#file('victoria')}`,
      `-httpListenAddr=${this.#address('backend')}:8428`,
      `-promscrape.config=${this.#file('scrape.yaml')}`,
      '-retentionPeriod=1',
      '-search.latencyOffset=0s',
      '-search.disableCache',
      '-dedup.minScrapeInterval=1ms',
    ]);
    this.#start('prometheus', 'backend', [
      'prometheus',
      `--config.file=${this.#file('prometheus.yml')}`,
      `--storage.tsdb.path=${this.#file('prometheus')}`,
      `--web.listen-address=${this.#address('backend')}:9090`,
      '--web.enable-remote-write-receiver',
    ]);
    await this.#answers('victoria', `${this.#url('victoria')}/health`);
    await this.#answers('prometheus', `${this.#url('prometheus')}/-/ready`);
  }

  async stopBackends(): Promise<void> {
    await Promise.all([this.stop('victoria'), this.stop('prometheus')]);
  }

  async startCollector(): Promise<void> {
    const file = this.#file('collector.yaml');
    this.#start('collector', 'collector', [process.execPath, program, 'collector', '-c', file]);
    await this.#answers('collector', 'http://127.0.0.1:4318/readyz');
  }

  /** `skew` such as `+20s` shifts the clock that the agent sees. */
  startAgent(region: Region, skew?: string): void {
    const command = [process.execPath, program, 'agent', '-c', this.#file('agent.yaml')];
    this.#start(region, region, command, {
      FARPOINT_REGION: region,
      FARPOINT_DATA: this.#file(region),
      FARPOINT_KEY: this.#keys.get(region)?.text ?? '',
      ...(skew === undefined ? {} : skewedClock(skew)),
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
  async queued(): Promise<number> {
    const metrics = await this.#ask('collector', 'http://127.0.0.1:4318/metrics');
    const waiting = [...metrics.matchAll(/^farpoint_queue_blocks\{.*\} (\d+)/gm)];
    return waiting.length === 0
      ? Number.NaN
      : waiting.reduce((sum, [, blocks]) => sum + Number(blocks), 0);
  }

  /** How many series answer a query to one of the backends now. */
  async answering(backend: 'victoria' | 'prometheus', query: string): Promise<number> {
    const path = `/api/v1/query?query=${encodeURIComponent(query)}`;
    const answer = JSON.parse(await this.#ask('backend', `${this.#url(backend)}${path}`)) as {
      data: { result: readonly unknown[] };
    };
    return answer.data.result.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const region of regions) await this.stop(region);
    for (const part of [...this.#programs.keys()].reverse()) await this.stop(part);
    for (const one of Object.values(this.onCall)) one[Symbol.dispose]();
    this.network[Symbol.dispose]();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #startDistance(): void {
    const wires = join(import.meta.dirname, '../../programs/distance.ts');
    const { delayMs, jitterMs } = distance;
    const words = [wires, `${delayMs}`, `${jitterMs}`, ...this.network.wires];
    const command = [...first, process.execPath, ...words];
    const running = Farpoint.startOther(command, { UV_THREADPOOL_SIZE: '16' });
    this.#programs.set('distance', running);
  }

  async #startAlerting(): Promise<void> {
    for (const name of ['prometheus', 'vmalert'] as const) {
      const part = `alertmanager-${name}` as const;
      const address = `${this.#address('alerts')}:${alertmanagerPorts[name]}`;
      this.#start(part, 'alerts', [
        'prometheus-alertmanager',
        `--config.file=${this.#file(`alertmanager-${name}.yml`)}`,
        `--storage.path=${this.#file(part)}`,
        `--web.listen-address=${address}`,
        '--cluster.listen-address=',
      ]);
      await this.#answers(part, `http://${address}/-/ready`);
    }
    this.#start('vmalert', 'alerts', [
      'vmalert',
      `-rule=${this.#file('rules.yaml')}`,
      `-datasource.url=${this.#url('victoria')}`,
      `-remoteWrite.url=${this.#url('victoria')}`,
      '-remoteWrite.flushInterval=200ms',
      `-notifier.url=http://${this.#address('alerts')}:${alertmanagerPorts.vmalert}`,
      '-httpListenAddr=127.0.0.1:8880',
    ]);
  }

  #start(
    part: Part,
    host: string,
    command: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ): void {
    const there = [...first, ...this.network.within(host, command)];
    this.#programs.set(part, Farpoint.startOther(there, environment));
  }

  async #answers(part: Part, url: string): Promise<void> {
    const host = part === 'service' || part === 'collector' ? part : 'backend';
    await eventually(
      `${part} to answer`,
      async () => {
        const running = this.#programs.get(part);
        if (!running?.running) throw new Error(`${part} has ended:\n${running?.output}`);
        await this.#ask(host, url);
        return true;
      },
      60_000,
    );
  }

  /** The answer to GET, asked on the host itself. */
  #ask(host: string, url: string): Promise<string> {
    return askWithin(this.network.host(host), url);
  }

  #file(name: string): string {
    return join(this.#directory, name);
  }

  #address(host: string): string {
    return this.network.host(host).address[4];
  }

  #url(backend: 'victoria' | 'prometheus'): string {
    return `http://${this.#address('backend')}:${backend === 'victoria' ? 8428 : 9090}`;
  }

  #writeFiles(): void {
    writeWorldFiles({
      directory: this.#directory,
      regions,
      keys: this.#keys,
      targets: this.targets,
      intervalMs,
      backendHost: this.#address('backend'),
      haste: this.haste,
      onCall: Object.entries(this.onCall).map(([name, { url }]) => {
        return { name: `alertmanager-${name}`, webhookUrl: url };
      }),
      prometheusAlertmanagerUrl: `http://${this.#address('alerts')}:${alertmanagerPorts.prometheus}`,
    });
  }
}
