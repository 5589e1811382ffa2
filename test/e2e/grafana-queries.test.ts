import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { grafanaFiles } from '#grafana/files';
import { prometheusRules, recordingRules } from '#grafana/prometheus-rules';
import { defaultSettings } from '#grafana/settings';
import { Deployment } from '../support/deployments/deployment.ts';
import { eventually } from '../support/eventually.ts';
import { groups } from '../support/grafana/promtool.ts';
import {
  composeScrape,
  prometheusConfiguration,
  swiftRules,
} from '../support/grafana/swift-rules.ts';
import { needs } from '../support/needs.ts';
import {
  startNginx,
  startPrometheus,
  startVictoriaMetrics,
  startVmalert,
} from '../support/servers/real-servers.ts';

const root = join(import.meta.dirname, '../..');
const regions = ['eu-west', 'us-east'];
/** So that minutes are recorded every six seconds. */
const haste = 10;

needs(
  'nginx',
  'victoria-metrics',
  'vmalert',
  'prometheus',
  'openssl',
  'root',
)('Prometheus and VictoriaMetrics, fed by Farpoint', () => {
  test(
    'answer every query of every panel and rule, and have what dashboards for blackbox_exporter ask',
    { timeout: 300_000 },
    async () => {
      await using nginx = await startNginx(({ port, directory }) => {
        makeCertificate(directory);
        writeFileSync(join(directory, 'large'), Buffer.alloc(2 * 1024 * 1024));
        return `
          log_format timed '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent $request_time';
          access_log ${directory}/access.log timed;
          server { listen 127.0.0.1:${port}; location / { return 200 '{"waiting": 3}'; }
            location /broken { return 500; }
            location /large { root ${directory}; limit_rate 8m; } }
          server { listen 127.0.0.2:${port} ssl; ssl_certificate ${directory}/tls.crt; ssl_certificate_key ${directory}/tls.key;
            location / { return 200 "secure"; } }`;
      });
      await using prometheus = await startPrometheus();
      // As in docker/compose.yaml, where VictoriaMetrics scrapes and vmalert only records.
      const scrapeFile = join(prometheus.directory, 'scrape.yaml');
      writeFileSync(scrapeFile, 'scrape_configs: []\n');
      await using victoria = await startVictoriaMetrics([`-promscrape.config=${scrapeFile}`]);
      await using deployment = await Deployment.prepare({
        regions,
        checks: `
defaults: { every: 1s, timeout: 900ms, service: shop }
checks:
  - { name: home, type: http, target: '${nginx.url}/', values: { waiting: { json: waiting, expect: { min: 0, max: 10 } } }, expect: { body: { matches: waiting } } }
  - { name: secure, type: http, target: 'https://127.0.0.2:${nginx.port}/', tls: { ca: '${nginx.directory}/tls.crt' } }
  - { name: download, type: http, target: '${nginx.url}/large' }
  - { name: closed, type: http, target: 'http://127.0.0.3:${nginx.port}/' }
  - { name: near, type: ping, count: 10, gap: 10ms, target: 127.0.0.1 }
  - { name: access, type: log, agents: [eu-west], target: '${nginx.directory}/access.log', format: { nginx: '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent $request_time' } }
`,
        sinks: [
          `  - { name: prometheus, type: prometheus, url: '${prometheus.url}/api/v1/write' }`,
          `  - { name: victoria, type: prometheus, url: '${victoria.url}/api/v1/write' }`,
        ].join('\n'),
      });
      const { collectorUrl } = deployment;
      const rulesFile = join(prometheus.directory, 'rules.yaml');
      writeFileSync(rulesFile, swiftRules(prometheusRules(groups, defaultSettings), haste));
      writeFileSync(
        join(prometheus.directory, 'prometheus.yml'),
        prometheusConfiguration({ collectorUrl, rulesFile }),
      );
      writeFileSync(scrapeFile, composeScrape(collectorUrl));
      for (const { url } of [prometheus, victoria]) {
        expect((await fetch(`${url}/-/reload`, { method: 'POST' })).ok).toBe(true);
      }
      await deployment.startCollector();
      for (const region of regions) deployment.startAgent(region);
      await using _vmalert = await startVmalert({
        rules: swiftRules(recordingRules(groups, defaultSettings), haste),
        victoriaUrl: victoria.url,
      });

      for (const { url } of [prometheus, victoria]) {
        const missing = new Set([...allQueries(), ...blackboxMetrics()]);
        await eventually(
          `every query to be answered; missing:`,
          async () => {
            await fetch(`${nginx.url}/broken`);
            for (const query of missing) {
              if ((await seriesOf(url, query)).length > 0) missing.delete(query);
            }
            return missing.size === 0;
          },
          100_000,
        ).catch(() => undefined);
        expect([...missing]).toEqual([]);
        for (const metric of blackboxMetrics()) {
          for (const labels of await seriesOf(url, metric)) {
            expect(labels, metric).toMatchObject({ job: 'shop', instance: expect.any(String) });
          }
        }
        const phases = await seriesOf(url, 'probe_http_duration_seconds');
        expect(new Set(phases.map(({ phase }) => phase))).toEqual(
          new Set(['resolve', 'connect', 'tls', 'processing', 'transfer']),
        );
      }
    },
  );
});

/** With the recordings, and as Grafana asks them; variables and intervals stand for what a reader chose. */
function allQueries(): readonly string[] {
  const files = grafanaFiles(defaultSettings);
  const { groups: provisioned } = parse(
    files['provisioning/alerting/farpoint-rules.yaml'] ?? '',
  ) as {
    groups: { rules: { data: { model: { expr?: string } }[] }[] }[];
  };
  const expressions = [
    ...groups.flatMap(({ recordings, alerts }) =>
      [...recordings, ...alerts].map(({ expression }) => expression),
    ),
    ...provisioned.flatMap(({ rules }) =>
      rules.flatMap(({ data }) => data.flatMap(({ model }) => model.expr ?? [])),
    ),
  ];
  const panels = Object.entries(files)
    .filter(([file]) => file.endsWith('.json'))
    .flatMap(([, dashboard]) => [...dashboard.matchAll(/"expr": (".*")/g)])
    .map(([, expression = '']) => String(JSON.parse(expression)));
  expect(panels.length).toBeGreaterThan(60);
  const queries = [...expressions, ...panels].map((query) =>
    query
      .replaceAll(/"\$(job|instance|check)"/g, '".+"')
      .replaceAll('$__rate_interval', '1m')
      .replaceAll('$__range', '5m')
      // There is no hour and no day to look back on; the incidents have them.
      .replaceAll('[1d] offset 1h', '[1d]'),
  );
  return [...new Set(queries)].filter((query) => query !== 'farpoint:region:slowdown');
}

/** The list in the documentation. */
function blackboxMetrics(): readonly string[] {
  const page = readFileSync(join(root, 'docs/grafana.md'), 'utf8');
  const section = page.slice(page.indexOf('## Dashboards for blackbox_exporter'));
  const metrics = [...section.matchAll(/^\| `(probe_\w+)` \|/gm)].map(([, name = '']) => name);
  expect(metrics.length).toBeGreaterThan(15);
  return metrics;
}

async function seriesOf(url: string, query: string): Promise<Record<string, string>[]> {
  const answer = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(query)}`);
  const { data, error } = (await answer.json()) as {
    data?: { result: { metric: Record<string, string> }[] };
    error?: string;
  };
  if (data === undefined) throw new Error(`${query}: ${error}`);
  return data.result.map(({ metric }) => metric);
}

function makeCertificate(directory: string): void {
  const key = join(directory, 'tls.key');
  const certificate = join(directory, 'tls.crt');
  const options =
    '-x509 -newkey rsa:2048 -nodes -days 60 -subj /CN=test -addext subjectAltName=IP:127.0.0.2'.split(
      ' ',
    );
  execFileSync('openssl', ['req', ...options, '-keyout', key, '-out', certificate], {
    stdio: 'ignore',
  });
}
