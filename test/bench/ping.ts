/**
 * The ICMP engine beside fping, blackbox_exporter and the npm package `ping`, in network namespaces of
 * their own; rounds are interleaved, medians reported. CPU is user and system time of everything a
 * contestant runs, per packet; the start of a server is left out.
 *
 *     node test/bench/ping.ts [ROUNDS]
 *
 * Needs root, iproute2, nftables, fping, iputils-ping and prometheus-blackbox-exporter.
 */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import ping from 'ping';
import { openPinger } from '#checks/ping/open';
import type { EchoPlan, Pinger } from '#checks/ping/pinger';
import { createSystemClock } from '#lib/clock';
import { echoPlan } from '../support/checks/echo-plan.ts';
import { openNetwork } from '../support/network/network.ts';
import { startBlackboxExporter } from '../support/servers/real-servers.ts';

const rounds = Number(process.argv[2] ?? 3);
const clock = createSystemClock();
const run = promisify(execFile);

using network = openNetwork();
network.near.sysctl('net.ipv4.ping_group_range', '0 2147483647');
network.router.run('ip route add local 10.90.0.0/16 dev lo');
using _there = network.near.enter();
await using hasty = await openPinger({ clock, packetsPerSecondMax: 1e9, slotMs: 1 });
await using usual = await openPinger({ clock, packetsPerSecondMax: 1e9 });
await using blackbox = await startBlackboxExporter(
  '  icmp: { prober: icmp, timeout: 2s, icmp: { preferred_ip_protocol: ip4 } }',
);

const loopback = Array.from({ length: 1024 }, (_, n) => `127.2.${(n >> 8) + 1}.${n & 255}`);
const distant = Array.from({ length: 250 }, (_, n) => `10.90.1.${n + 1}`);
const [loopbackFile, distantFile] = [loopback, distant].map((addresses, index) => {
  const file = join(blackbox.directory, `addresses-${index}`);
  writeFileSync(file, addresses.join('\n'));
  return file;
});

const fast = await compare({
  farpoint: () => work(ownCpu, () => echoAll(hasty, loopback, { count: 60, gapMs: 1 })),
  fping: () => work(childCpu, () => fping('-C 60 -i 0.001 -p 1', loopbackFile, 60 * 1024)),
  blackbox: () => work(blackboxCpu, () => eightAtATime(1000, probeByBlackbox)),
  'npm ping': () =>
    work(
      () => ownCpu() + childCpu(),
      () => eightAtATime(200, probeByNpmPing),
    ),
});
print('As fast as it goes, over loopback (blackbox and npm ping with 8 at a time)', fast);

const steady = await compare({
  farpoint: () => work(ownCpu, () => echoAll(usual, distant, { count: 20, gapMs: 250 })),
  fping: () => work(childCpu, () => fping('-C 20 -i 1 -p 250', distantFile, 20 * 250)),
});
print('A thousand packets a second, over a veth', steady);

const idleUs: number[] = [];
const fpingUs: number[] = [];
const busyUs: number[] = [];
for (let round = 0; round < rounds; round++) {
  fpingUs.push(...(await timesByFping()));
  idleUs.push(...(await timesByFarpoint()));
  busyUs.push(...(await timesWithBusyLoop()));
}
console.log('\nRound trips over a veth, 20 packets a second\n');
console.log('                                 p50 us   p99 us');
printTimes('fping', fpingUs);
printTimes('farpoint', idleUs);
printTimes('farpoint, loop busy 20 of 25 ms', busyUs);

console.log('\nGoals\n');
const { farpoint } = fast;
goal('packets a second over loopback', farpoint.perSecond, '>=', 100_000);
goal('packets a second, of fping', farpoint.perSecond / fast.fping.perSecond, '>=', 1.3);
goal('CPU a packet, of blackbox', farpoint.cpuUs / fast.blackbox.cpuUs, '<=', 1 / 40);
goal('CPU a packet, of npm ping', farpoint.cpuUs / fast['npm ping'].cpuUs, '<=', 1 / 200);
goal('CPU at 1000 a second, of fping', steady.farpoint.cpuUs / steady.fping.cpuUs, '<=', 1.5);
goal(
  'median round trip off fping, us',
  Math.abs(quantile(idleUs, 0.5) - quantile(fpingUs, 0.5)),
  '<=',
  25,
);
goal('p99 with a busy loop, of idle', quantile(busyUs, 0.99) / quantile(idleUs, 0.99), '<=', 2);

/** What one contestant did in one round. */
interface Work {
  readonly perSecond: number;
  readonly cpuUs: number;
}

async function compare<Name extends string>(
  contestants: Readonly<Record<Name, () => Promise<Work>>>,
): Promise<Record<Name, Work>> {
  const names = Object.keys(contestants) as Name[];
  const done = new Map<Name, Work[]>(names.map((name) => [name, []]));
  for (const name of names) await contestants[name]();
  for (let round = 0; round < rounds; round++) {
    for (const name of names) done.get(name)?.push(await contestants[name]());
  }
  const medians = names.map((name) => {
    const all = done.get(name) ?? [];
    const perSecond = quantile(
      all.map((one) => one.perSecond),
      0.5,
    );
    return [
      name,
      {
        perSecond,
        cpuUs: quantile(
          all.map((one) => one.cpuUs),
          0.5,
        ),
      },
    ];
  });
  return Object.fromEntries(medians) as Record<Name, Work>;
}

/** Measures what `send` does: it resolves to how many packets were answered. */
async function work(cpuSeconds: () => number, send: () => Promise<number>): Promise<Work> {
  const [startMs, startCpu] = [clock.monotonicMs(), cpuSeconds()];
  const packets = await send();
  const seconds = (clock.monotonicMs() - startMs) / 1000;
  return { perSecond: packets / seconds, cpuUs: ((cpuSeconds() - startCpu) * 1e6) / packets };
}

async function echoAll(
  pinger: Pinger,
  addresses: readonly string[],
  plan: Partial<EchoPlan>,
): Promise<number> {
  const reports = await Promise.all(addresses.map((address) => echo(pinger, { ...plan, address })));
  return reports.reduce((sum, roundTripsMs) => sum + roundTripsMs.length, 0);
}

async function echo(pinger: Pinger, plan: Partial<EchoPlan>): Promise<number[]> {
  const report = await pinger.echo(echoPlan(plan), new AbortController().signal);
  if ('unavailable' in report) throw new Error(report.unavailable);
  return report.replies.map(({ roundTripMs }) => roundTripMs);
}

async function fping(flags: string, file: string | undefined, packets: number): Promise<number> {
  await run('fping', [...flags.split(' '), '-q', '-f', file ?? '']);
  return packets;
}

async function probeByBlackbox(): Promise<void> {
  const response = await fetch(`${blackbox.url}/probe?target=127.0.0.1&module=icmp`);
  if (!(await response.text()).includes('probe_success 1')) throw new Error('blackbox failed');
}

async function probeByNpmPing(): Promise<void> {
  const { alive } = await ping.promise.probe('127.0.0.1', { min_reply: 1 });
  if (!alive) throw new Error('ping failed');
}

async function eightAtATime(times: number, probe: () => Promise<void>): Promise<number> {
  let left = times;
  const worker = async (): Promise<void> => {
    while (left-- > 0) await probe();
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return times;
}

async function timesByFping(): Promise<number[]> {
  const { stderr } = await run('fping', '-C 100 -p 50 -q 10.90.1.1'.split(' '));
  const times = stderr
    .slice(stderr.indexOf(':') + 1)
    .trim()
    .split(/\s+/);
  return times.map((ms) => Number(ms) * 1000);
}

async function timesByFarpoint(): Promise<number[]> {
  const roundTripsMs = await echo(usual, { address: '10.90.1.1', count: 100, gapMs: 50 });
  return roundTripsMs.map((ms) => ms * 1000);
}

async function timesWithBusyLoop(): Promise<number[]> {
  const timer = setInterval(() => {
    const endMs = clock.monotonicMs() + 20;
    while (clock.monotonicMs() < endMs);
  }, 25);
  const times = await timesByFarpoint();
  clearInterval(timer);
  return times;
}

function ownCpu(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Of processes that were started here and have ended; in steps of a clock tick, 10 ms (proc(5)). */
function childCpu(): number {
  return ticks('self', 16) + ticks('self', 17);
}

function blackboxCpu(): number {
  return ticks(String(blackbox.pid), 14) + ticks(String(blackbox.pid), 15);
}

function ticks(pid: string, field: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ');
  return Number(fields[field - 1]) / 100;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function print(title: string, results: Readonly<Record<string, Work>>): void {
  console.log(`\n${title}\n\n                  packets/s  CPU us/packet`);
  for (const [name, { perSecond, cpuUs }] of Object.entries(results)) {
    console.log(
      `${name.padEnd(16)}${perSecond.toFixed(0).padStart(11)}${cpuUs.toFixed(1).padStart(15)}`,
    );
  }
}

function printTimes(name: string, timesUs: readonly number[]): void {
  const [median, p99] = [0.5, 0.99].map((share) => quantile(timesUs, share).toFixed(1).padStart(9));
  console.log(`${name.padEnd(31)}${median}${p99}`);
}

function goal(what: string, reached: number, relation: '>=' | '<=', bound: number): void {
  const isReached = relation === '>=' ? reached >= bound : reached <= bound;
  const number = (value: number): string => Number(value.toPrecision(3)).toString();
  console.log(
    `${isReached ? 'yes' : 'NO '}  ${what}: ${number(reached)} (${relation} ${number(bound)})`,
  );
}
