import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { Farpoint } from '../../support/farpoint.ts';
import { needs } from '../../support/needs.ts';
import { type Network, openNetwork } from '../../support/network/network.ts';
import { RecordingCollector } from '../../support/servers/recording-collector.ts';
import { serveHttp } from '../../support/servers/serve.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

/** As nobody, without any capability but to read this checkout, wherever it lies. */
const asNobody = [
  'setpriv',
  '--reuid=65534',
  '--regid=65534',
  '--clear-groups',
  '--inh-caps=-all,+dac_read_search',
  '--ambient-caps=-all,+dac_read_search',
];

needs(
  'root',
  'linux',
  'iproute2',
  'ping',
)('an agent of an unprivileged user', { timeout: 90_000 }, () => {
  let network: Network;
  let home: Disposable;

  beforeAll(() => {
    network = openNetwork();
    network.near.sysctl('net.ipv4.ping_group_range', '1 0');
    home = network.near.enter();
  });

  afterAll(() => {
    home[Symbol.dispose]();
    network[Symbol.dispose]();
  });

  test('that may not ping at all runs everything else, and says why it cannot', async () => {
    const seen = await runAgent([...asNobody, '--no-new-privs']);
    expect(seen.verdicts).toEqual({ echo: 'unknown', page: 'up' });
    expect(seen.reason).toMatch(/ping_group_range.*EACCES.*NET_RAW.*EPERM.*the system's ping/);
    expect(seen.chosen).toHaveLength(1);
    expect(seen.chosen[0]).toMatchObject({ ipv4: 'unavailable', ipv6: 'unavailable' });
  });

  test("that has the system's ping pings by it", async () => {
    const seen = await runAgent(asNobody);
    expect(seen.verdicts).toEqual({ echo: 'up', page: 'up' });
    expect(seen.modes).toEqual(['binary']);
    expect(seen.chosen).toHaveLength(1);
    expect(seen.chosen[0]).toMatchObject({ ipv4: 'binary', ipv6: 'binary' });
  });

  test('whose group may ping needs no more', async () => {
    network.near.sysctl('net.ipv4.ping_group_range', '65534 65534');
    const seen = await runAgent([...asNobody, '--no-new-privs']);
    network.near.sysctl('net.ipv4.ping_group_range', '1 0');
    expect(seen.verdicts).toEqual({ echo: 'up', page: 'up' });
    expect(seen.modes).toEqual(['datagram']);
  });

  /** Runs an agent with a ping and an http check until both have a result. */
  async function runAgent(wrapper: readonly string[]): Promise<Seen> {
    using folder = temporaryFolder();
    await using site = await serveHttp((_, response) => response.end('fine'));
    await using collector = await RecordingCollector.start();
    chmodSync(folder.path, 0o777);
    const file = join(folder.path, 'agent.yaml');
    writeFileSync(file, configuration(join(folder.path, 'data'), site.url, collector.url));
    await using agent = Farpoint.start(['agent', '-c', file], {}, wrapper);
    const reasonOf = (check: string): string | undefined =>
      collector.logs.find(({ attributes }) => attributes['check'] === check)?.body;
    const what = 'a verdict on both checks, and the reason of a bad one';
    const explained = (): Record<string, string> | false => {
      const found = verdictsOf(collector);
      const isExplained = (check: string): boolean =>
        found[check] === 'up' || (check in found && reasonOf(check) !== undefined);
      return ['echo', 'page'].every(isExplained) && found;
    };
    const verdicts = await eventually(what, explained, 60_000);
    const modes = collector.points
      .filter(({ name }) => name === 'probe.icmp.mode.info')
      .map(({ attributes }) => String(attributes['mode']));
    const chosen = agent.output
      .split('\n')
      .filter((line) => line.includes('how ping checks send'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    return { verdicts, modes: [...new Set(modes)], reason: reasonOf('echo') ?? '', chosen };
  }
});

interface Seen {
  readonly verdicts: Readonly<Record<string, string>>;
  readonly modes: readonly string[];
  readonly reason: string;
  /** What was logged of the choice. */
  readonly chosen: readonly Readonly<Record<string, unknown>>[];
}

/** The newest verdict, by name of the check. */
function verdictsOf({ points }: RecordingCollector): Record<string, string> {
  const verdicts = points.filter(({ name, value }) => name === 'probe.verdict' && value === 1);
  return Object.fromEntries(
    verdicts.map(({ attributes }) => [String(attributes['check']), String(attributes['verdict'])]),
  );
}

function configuration(data: string, site: string, collector: string): string {
  return `
version: 1
agent: { region: here, data: ${data} }
collector: { urls: ['${collector}'] }
regions: [here]
defaults: { every: 2s, timeout: 1s, service: test }
checks:
  - { name: echo, type: ping, target: 127.0.0.1, count: 2, gap: 10ms }
  - { name: page, type: http, target: '${site}' }
`;
}
