import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { newKey } from '#lib/key';
import { eventually } from '../support/eventually.ts';
import { Farpoint, program } from '../support/farpoint.ts';
import { needs } from '../support/needs.ts';
import { askWithin } from '../support/network/ask-within.ts';
import { type Host, openNetwork } from '../support/network/network.ts';

const server = `
  const { createServer } = require('node:http');
  createServer((request, response) => response.end('fine')).listen(8080);
`;

interface Run {
  readonly unixMs: number;
  readonly verdict: string;
  readonly errorType: string | null;
}

/** An agent with its collector beside it, and a service behind a router. */
class Site implements AsyncDisposable {
  readonly network = openNetwork();
  readonly #directory = mkdtempSync(join(tmpdir(), 'farpoint-own-network-'));
  readonly #key = newKey('near');
  readonly #programs: Farpoint[] = [];

  start(): void {
    const { far, near } = this.network;
    this.#run(far, [process.execPath, '-e', server]);
    const { text, sha256 } = this.#key;
    this.#write('collector.yaml', [
      'version: 1',
      'listen: 127.0.0.1:4318',
      `data: ${join(this.#directory, 'collector')}`,
      `keys: [{ id: near, sha256: ${sha256}, agents: [near], regions: [near], scopes: [read] }]`,
      'sinks: [{ name: history, type: history }]',
    ]);
    this.#write('agent.yaml', [
      'version: 1',
      'agent:',
      `  { region: near, data: '${join(this.#directory, 'agent')}', canaries: [gateway] }`,
      `collector: { urls: ['http://127.0.0.1:4318'], key: '${text}' }`,
      'regions: [near]',
      'defaults: { every: 3s, timeout: 1s, service: shop }',
      `checks: [{ name: home, type: http, target: 'http://${far.address[4]}:8080/' }]`,
    ]);
    near.sysctl('net.ipv4.ping_group_range', '0 2147483647');
    for (const part of ['collector', 'agent'])
      this.#run(near, [
        process.execPath,
        program,
        part,
        '-c',
        join(this.#directory, `${part}.yaml`),
      ]);
  }

  /** Waits until a run that began from now on is this. */
  async sees(words: string): Promise<void> {
    const afterUnixMs = Date.now();
    await eventually(
      `a run to be ${words}`,
      async () => {
        const runs = await this.#runs();
        const run = runs.findLast(({ unixMs }) => unixMs > afterUnixMs);
        return run !== undefined && inWords(run) === words;
      },
      60_000,
    );
  }

  /** What was seen, one after the other; but not that this machine was too busy to judge, which is true too. */
  async story(): Promise<readonly string[]> {
    const all = (await this.#runs()).map(inWords).filter((words) => words !== overloaded);
    return all.filter((words, index) => words !== all[index - 1]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const running of this.#programs.toReversed()) await running[Symbol.asyncDispose]();
    this.network[Symbol.dispose]();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** Oldest first. */
  async #runs(): Promise<readonly Run[]> {
    const headers = { authorization: `Bearer ${this.#key.text}` };
    const url = 'http://127.0.0.1:4318/api/v1/runs';
    return JSON.parse(await askWithin(this.network.near, url, headers)).runs;
  }

  #run({ namespace }: Host, command: readonly string[]): void {
    this.#programs.push(Farpoint.startOther(['ip', 'netns', 'exec', namespace, ...command]));
  }

  #write(name: string, lines: readonly string[]): void {
    writeFileSync(join(this.#directory, name), `${lines.join('\n')}\n`);
  }
}

function inWords({ verdict, errorType }: Run): string {
  return errorType === null ? verdict : `${verdict} ${errorType}`;
}

const overloaded = 'unknown agent_overloaded';
const nothing = 'chain input { type filter hook input priority 0; policy drop; }\n';
const nothingPasses = 'chain forward { type filter hook forward priority 0; policy drop; }\n';

needs(
  'linux',
  'root',
  'iproute2',
  'nftables',
)('an agent in a network of its own', () => {
  test('says down when the service is silent, and unknown when its own network is', async () => {
    await using site = new Site();
    site.start();
    const { router, far } = site.network;
    await site.sees('up');
    far.filter(nothing);
    await site.sees('down connect_timeout');
    router.filter(nothing + nothingPasses);
    await site.sees('unknown agent_no_network');
    router.filter('');
    await site.sees('down connect_timeout');
    far.filter('');
    await site.sees('up');
    expect(await site.story()).toEqual([
      'up',
      'down connect_timeout',
      'unknown agent_no_network',
      'down connect_timeout',
      'up',
    ]);
  }, 120_000);
});
