import type { AgentExamination } from '#agent/config';
import { checkTypes } from '#checks/registry';
import type { CollectorExamination } from '#collector/config';
import type { Fleet } from '#lib/fleet';
import { isLoopback } from '#lib/loopback';
import { estimateSeries, hostOf, loadByHost, loadByPlace } from './load.ts';

const checksShown = 8;
const hostsShown = 20;

/** What an agent's file means: how much is checked from where, what hosts feel of it, what to think about. */
export function describeAgent(file: string, examination: AgentExamination): string {
  const { fleet, unknown } = examination;
  return [
    `${file}: valid; ${summary(fleet)}`,
    '',
    ...describePlaces(fleet),
    '',
    ...describeHosts(fleet),
    '',
    `about ${estimateSeries(fleet, checkTypes).toLocaleString('en')} series in the backend`,
    ...(unknown.length === 0
      ? []
      : [`not counted, because they depend on references (see --resolve): ${unknown.join(', ')}`]),
    ...agentWarnings(examination).map((warning) => `warning: ${warning}`),
  ].join('\n');
}

function agentWarnings({ fleet, unknown, collectorUrls }: AgentExamination): readonly string[] {
  const open = collectorUrls.filter((url) => {
    const { protocol, hostname } = new URL(url);
    return protocol === 'http:' && !isLoopback(hostname);
  });
  return [
    ...(fleet.checks.length + unknown.length === 0 ? ['there is no check'] : []),
    ...open.map((url) => `results and the key go to ${url} in plain text; use https`),
    ...sharedHosts(fleet, collectorUrls).map(
      (host) =>
        `the collector is on ${host}, which is checked too: when it fails, so does the report`,
    ),
  ];
}

/** What a collector's file means at a time. */
export function describeCollector(
  file: string,
  examination: CollectorExamination,
  nowUnixMs: number,
): string {
  const { keys, sinks, fleet } = examination;
  const { listen, tls } = keys;
  const address =
    listen === undefined ? 'an address from a reference' : `${listen.host}:${listen.port}`;
  const knownKeys = (keys.keys ?? []).map(({ id, agents, scopes, expires }) => [
    id,
    [...agents, ...scopes.map((scope) => `scope ${scope}`)].join(', '),
    expires === undefined ? '' : new Date(expires).toISOString(),
  ]);
  const knownSinks = sinks.map(({ name, type, queue }) => [
    name,
    type,
    queue.required ? 'yes' : '',
  ]);
  return [
    `${file}: valid; listens on ${address}, ${tls === undefined ? 'plain HTTP' : 'TLS'}`,
    '',
    ...table([['key', 'for', 'until'], ...knownKeys]),
    '',
    ...table([['sink', 'type', 'required'], ...knownSinks]),
    '',
    fleet === undefined ? 'no fleet: it knows no region and no check' : `fleet: ${summary(fleet)}`,
    ...collectorWarnings(examination, nowUnixMs).map((warning) => `warning: ${warning}`),
  ].join('\n');
}

function collectorWarnings(
  { keys, sinks, fleet }: CollectorExamination,
  nowUnixMs: number,
): readonly string[] {
  const known = keys.keys ?? [];
  const expired = known.filter(({ expires = Infinity }) => expires < nowUnixMs);
  const served = known.flatMap(({ regions }) => regions);
  const unserved = fleet?.regions.filter((region) => !served.includes(region)) ?? [];
  const urls = sinks.map(({ settings }) => urlOf(settings)).filter((url) => url !== undefined);
  const shared = fleet === undefined ? [] : sharedHosts(fleet, urls);
  return [
    ...expired.map(({ id }) => `key ${id} has expired`),
    ...unserved.map((region) => `no key is for region ${region}: nothing from there is accepted`),
    ...shared.map(
      (host) => `a sink writes to ${host}, which is checked too: when it fails, so does the record`,
    ),
  ];
}

function summary({ checks, regions, hash }: Fleet): string {
  const targets = checks.reduce((count, check) => count + check.targets.length, 0);
  return `${count(checks.length, 'check')} on ${count(targets, 'target')}, ${count(regions.length, 'region')}, fleet ${hash}`;
}

function describePlaces(fleet: Fleet): readonly string[] {
  return table([
    ['region', 'checks', 'targets', 'runs/min'],
    ...loadByPlace(fleet).map(({ place, checks, targets, runsPerMinute }) => [
      place,
      String(checks),
      String(targets),
      runsPerMinute.toFixed(2),
    ]),
  ]);
}

function describeHosts(fleet: Fleet): readonly string[] {
  const hosts = loadByHost(fleet);
  const rows = hosts
    .slice(0, hostsShown)
    .map(({ host, runsPerSecond, checks }) => [host, runsPerSecond.toFixed(3), first(checks)]);
  const more = hosts.length - rows.length;
  return [
    ...table([['host', 'runs/s', 'checks'], ...rows]),
    ...(more > 0 ? [`… and ${count(more, 'host')} more`] : []),
  ];
}

function first(checks: readonly string[]): string {
  const more = checks.length - checksShown;
  const shown = checks.slice(0, checksShown).join(', ');
  return more > 0 ? `${shown} and ${more} more` : shown;
}

/** Hosts that are checked and that the monitoring itself depends on. */
function sharedHosts(fleet: Fleet, urls: readonly string[]): readonly string[] {
  const checked = new Set(loadByHost(fleet).map(({ host }) => host));
  const ours = urls.map(hostOf).filter((host) => host !== undefined);
  return [...new Set(ours)].filter((host) => checked.has(host));
}

function urlOf(settings: unknown): string | undefined {
  const hasUrl = typeof settings === 'object' && settings !== null && 'url' in settings;
  return hasUrl && typeof settings.url === 'string' ? settings.url : undefined;
}

/** Columns as wide as their widest cell, two spaces apart. */
function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
