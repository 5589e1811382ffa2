import { rmSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { alertmanager } from '#grafana/notifications';
import { Deployment } from '../support/deployment.ts';
import { eventually } from '../support/farpoint.ts';
import { needs } from '../support/needs.ts';
import { serveHttp } from '../support/serve.ts';
import {
  type RealServer,
  startAlertmanager,
  startNginx,
  startPrometheus,
  startVictoriaMetrics,
  startVmalert,
} from '../support/servers.ts';
import { prometheusConfiguration, swiftRules } from '../support/swift-rules.ts';

const regions = ['eu-west', 'us-east', 'ap-south'];

needs(
  'nginx',
  'victoria-metrics',
  'vmalert',
  'prometheus',
  'prometheus-alertmanager',
)('from nginx to a webhook', () => {
  test(
    'whoever is on call is told of each incident once, and of its end, and of nothing else',
    { timeout: 300_000 },
    async () => {
      await using nginx = await startNginx(
        ({ port, directory }) =>
          `server { listen 127.0.0.1:${port}; location / {
             if (-f ${directory}/refuse-$http_x_region) { return 503; }
             return 200 "fine\\n"; } }`,
      );
      await using prometheus = await startPrometheus();
      await using victoria = await startVictoriaMetrics();
      await using deployment = await Deployment.prepare({
        regions,
        checks: [
          'defaults: { every: 1s, timeout: 900ms, service: shop }',
          'checks:',
          `  - { name: home, type: http, target: '${nginx.url}/', headers: { x-region: '\${env:FARPOINT_REGION}' } }`,
        ].join('\n'),
        sinks: [
          `  - { name: prometheus, type: prometheus, url: '${prometheus.url}/api/v1/write' }`,
          `  - { name: victoria, type: prometheus, url: '${victoria.url}/api/v1/write' }`,
        ].join('\n'),
      });
      const { collectorUrl } = deployment;
      await configure(prometheus, prometheusConfiguration({ collectorUrl }));
      await deployment.startCollector();
      for (const region of regions) deployment.startAgent(region);
      await eventually('every region and the collector to be seen', () => allSeen(prometheus));
      await copyCollectorMetrics(collectorUrl, victoria.url);
      await using copying = repeatedly(() => copyCollectorMetrics(collectorUrl, victoria.url));
      await eventually('the same of VictoriaMetrics', () => allSeen(victoria));

      await using byPrometheus = await OnCall.start();
      await using byVmalert = await OnCall.start();
      const rulesFile = join(prometheus.directory, 'rules.yaml');
      writeFileSync(rulesFile, swiftRules());
      await configure(
        prometheus,
        prometheusConfiguration({ collectorUrl, rulesFile, alertmanagerUrl: byPrometheus.url }),
      );
      await using _vmalert = await startVmalert({
        rules: swiftRules(),
        victoriaUrl: victoria.url,
        alertmanagerUrl: byVmalert.url,
      });
      const everybody = [byPrometheus, byVmalert];
      const told = (what: string): Promise<unknown> =>
        eventually(
          `both to be told: ${what}`,
          () => everybody.every((one) => one.told.includes(what)),
          60_000,
        );

      const refusal = join(nginx.directory, 'refuse-ap-south');
      writeFileSync(refusal, '');
      await told('firing RegionalOutage ap-south');
      rmSync(refusal);
      await told('resolved RegionalOutage ap-south');
      await nginx.stop();
      await told('firing TargetDown');
      await nginx.start();
      await told('resolved TargetDown');
      await deployment.program('us-east').stop('SIGKILL');
      await told('firing AgentSilent us-east');
      deployment.startAgent('us-east');
      await told('resolved AgentSilent us-east');
      await copying[Symbol.asyncDispose]();

      for (const { told, summaries } of everybody) {
        expect(told).toEqual([
          'firing RegionalOutage ap-south',
          'resolved RegionalOutage ap-south',
          'firing TargetDown',
          'resolved TargetDown',
          'firing AgentSilent us-east',
          'resolved AgentSilent us-east',
        ]);
        // The words look every ten seconds, and here the region may have been up for less than that.
        expect(summaries[0]).toMatch(
          /\/ \(home\) is down in ap-south only: http_status; (last up at 20\d\d-|not up in the last 6 hours$)/,
        );
        expect(summaries[2]).toMatch(
          /\/ \(home\) is down in ap-south, eu-west, us-east: connect_refused; (last up at 20\d\d-|not up in the last 6 hours$)/,
        );
        expect(summaries[4]).toMatch(/^Agent us-east has not been heard of for \d+/);
      }
    },
  );
});

interface Notification {
  readonly alerts: readonly {
    readonly status: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
    readonly startsAt: string;
  }[];
}

/** A real Alertmanager with the example's routes, and the one whom its webhook tells. */
class OnCall implements AsyncDisposable {
  /** `firing TargetDown`, with the region or agent where the alert has one; in order, each once. */
  readonly told: string[] = [];
  readonly summaries: string[] = [];
  readonly #parts = new AsyncDisposableStack();
  readonly #known = new Set<string>();
  url = '';

  static async start(): Promise<OnCall> {
    const onCall = new OnCall();
    const webhook = onCall.#parts.use(
      await serveHttp((request, response) => void onCall.#answer(request, response)),
    );
    const server = onCall.#parts.use(await startAlertmanager(swiftRoutes(webhook.url)));
    onCall.url = server.url;
    return onCall;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#hear(JSON.parse(await text(request)) as Notification);
    response.end();
  }

  #hear({ alerts }: Notification): void {
    for (const { status, labels, annotations, startsAt } of alerts) {
      const { alertname = '', region, agent } = labels;
      const key = `${status} ${JSON.stringify(labels)} ${startsAt}`;
      if (this.#known.has(key)) continue;
      this.#known.add(key);
      const where = region ?? agent;
      this.told.push(
        `${status} ${alertname.replace('Farpoint', '')}${where === undefined ? '' : ` ${where}`}`,
      );
      this.summaries.push(annotations['summary'] ?? '');
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#parts.disposeAsync();
  }
}

/** The example for Alertmanager, which waits for less and tells the webhook. */
function swiftRoutes(webhookUrl: string): string {
  const swift = { group_wait: '1s', group_interval: '1s', repeat_interval: '1h' };
  const { route, ...rest } = parse(alertmanager()) as { route: { routes: object[] } };
  const routes = route.routes.map((one) => ({ ...one, ...swift }));
  const receivers = [
    { name: 'farpoint', webhook_configs: [{ url: webhookUrl, send_resolved: true }] },
  ];
  return stringify({ ...rest, route: { ...route, ...swift, routes }, receivers });
}

async function configure(prometheus: RealServer, configuration: string): Promise<void> {
  writeFileSync(join(prometheus.directory, 'prometheus.yml'), configuration);
  const answer = await fetch(`${prometheus.url}/-/reload`, { method: 'POST' });
  expect(await answer.text()).toBe('');
}

async function allSeen({ url }: RealServer): Promise<boolean> {
  const query = 'count(probe_verdict{verdict="up"} == 1) + count(farpoint_build_info)';
  const answer = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(query)}`);
  const { data } = (await answer.json()) as { data: { result: { value: [number, string] }[] } };
  return data.result[0]?.value[1] === String(regions.length + 1);
}

/** What a scrape does. */
async function copyCollectorMetrics(collectorUrl: string, victoriaUrl: string): Promise<void> {
  const metrics = await (await fetch(`${collectorUrl}/metrics`)).text();
  await fetch(`${victoriaUrl}/api/v1/import/prometheus?extra_label=job=farpoint-collector`, {
    method: 'POST',
    body: metrics,
  });
}

/** Does something every second until it is disposed. */
function repeatedly(work: () => Promise<void>): AsyncDisposable {
  const stop = new AbortController();
  const running = (async () => {
    while (!stop.signal.aborted) {
      await work();
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  })();
  return {
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await running;
    },
  };
}
