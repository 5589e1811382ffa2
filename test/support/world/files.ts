import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { prometheusRules } from '#grafana/prometheus-rules';
import { defaultSettings } from '#grafana/settings';
import { groups } from '../grafana/promtool.ts';
import { composeScrape, prometheusConfiguration, swiftRules } from '../grafana/swift-rules.ts';
import { swiftRoutes } from './on-call.ts';

export interface WorldSettings {
  readonly directory: string;
  readonly regions: readonly string[];
  /** Hash of each region's key. */
  readonly keys: ReadonlyMap<string, { readonly sha256: string }>;
  readonly targets: readonly string[];
  readonly intervalMs: number;
  /** Where collector and backends are. */
  readonly backendHost: string;
  /** By what factor time passes faster for the rules. */
  readonly haste: number;
  /** Alertmanagers, the one of Prometheus first, and who is told by each. */
  readonly onCall: readonly { readonly name: string; readonly webhookUrl: string }[];
  readonly prometheusAlertmanagerUrl: string;
}

/** The name by which everybody finds the collector, wherever it is. */
export const collectorUrl = 'http://collector.world:4318';

/** Writes what every part of the world reads, and makes the folders it writes to. */
export function writeWorldFiles(settings: WorldSettings): void {
  const { directory, regions, haste, onCall, prometheusAlertmanagerUrl } = settings;
  const file = (name: string): string => join(directory, name);
  const write = (name: string, text: string): void => writeFileSync(file(name), text);
  for (const region of regions) mkdirSync(file(region));
  write('collector.yaml', collector(settings));
  write('agent.yaml', agent(settings));
  write('nginx.conf', nginx(settings));
  write('scrape.yaml', composeScrape(collectorUrl));
  write('rules.yaml', swiftRules(prometheusRules(groups, defaultSettings), haste));
  for (const { name, webhookUrl } of onCall) write(`${name}.yml`, swiftRoutes(webhookUrl));
  write(
    'prometheus.yml',
    prometheusConfiguration({
      collectorUrl,
      rulesFile: file('rules.yaml'),
      alertmanagerUrl: prometheusAlertmanagerUrl,
    }),
  );
}

function collector({ directory, keys, backendHost }: WorldSettings): string {
  const sink = (name: string, port: number): string =>
    `  - { name: ${name}, type: prometheus, url: 'http://${backendHost}:${port}/api/v1/write', queue: { required: true } }`;
  return lines(
    'version: 1',
    'name: main',
    'listen: 0.0.0.0:4318',
    'insecure: true',
    `data: ${join(directory, 'collector')}`,
    'keys:',
    ...[...keys].map(
      ([region, { sha256 }]) =>
        `  - { id: ${region}, sha256: ${sha256}, agents: [${region}], regions: [${region}] }`,
    ),
    'sinks:',
    sink('victoria', 8428),
    sink('prometheus', 9090),
  );
}

function agent({ regions, targets, intervalMs }: WorldSettings): string {
  return lines(
    'version: 1',
    'agent: { region: "${env:FARPOINT_REGION}", data: "${env:FARPOINT_DATA}" }',
    `collector: { urls: ['${collectorUrl}'], key: '\${env:FARPOINT_KEY}' }`,
    `regions: [${regions.join(', ')}]`,
    `defaults: { every: ${intervalMs / 1000}s, timeout: 2s, service: shop }`,
    'checks:',
    `  - { name: home, type: http, targets: [${targets.map((url) => `'${url}'`).join(', ')}] }`,
  );
}

function nginx({ directory }: WorldSettings): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return lines(
    'daemon off; user root; worker_processes 1;',
    `pid ${join(directory, 'nginx.pid')}; events {}`,
    `http { access_log off;`,
    ...temporary.map((name) => `${name}_temp_path ${join(directory, name)};`),
    'server { listen 80; location / { return 200 "fine\\n"; } } }',
  );
}

function lines(...all: readonly string[]): string {
  return `${all.join('\n')}\n`;
}
