import { createServer, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { parse, stringify } from 'yaml';
import { alertmanager } from '#grafana/notifications';
import type { Host } from '../network/network.ts';

interface Notification {
  readonly alerts: readonly {
    readonly status: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
    readonly startsAt: string;
  }[];
}

/** Somebody whom an Alertmanager tells, over a webhook on a host's loopback. */
export class OnCall implements Disposable {
  readonly url: string;
  /** Summaries by what was told last: `firing TargetDown http://…`, with region or agent. */
  readonly summaries = new Map<string, string>();
  readonly #told: string[] = [];
  readonly #known = new Set<string>();
  /** In words, by labels and the time it began. */
  readonly #firing = new Map<string, string>();
  readonly #server = createServer((request, response) => {
    void this.#hear(request).then(() => response.end());
  });
  #asked = 0;

  constructor(host: Host, port: number) {
    this.url = `http://127.0.0.1:${port}/`;
    using _there = host.enter();
    this.#server.listen(port);
  }

  /** What was told since this was last asked, each once, sorted. */
  news(): readonly string[] {
    const news = this.#told.slice(this.#asked).sort();
    this.#asked = this.#told.length;
    return news;
  }

  /** Whether all of it has been told since `news` was last asked, and nothing that is resolved fires again. */
  hasBeenTold(what: readonly string[]): boolean {
    const news = this.#told.slice(this.#asked);
    const firing = new Set(this.#firing.values());
    return what.every((one) => news.includes(one) && !firing.has(one.replace(/^resolved /, '')));
  }

  [Symbol.dispose](): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #hear(request: IncomingMessage): Promise<void> {
    const { alerts } = JSON.parse(await text(request)) as Notification;
    for (const { status, labels, annotations, startsAt } of alerts) {
      const key = `${status} ${JSON.stringify(labels)} ${startsAt}`;
      if (this.#known.has(key)) continue;
      this.#known.add(key);
      const name = labels['alertname']?.replace('Farpoint', '');
      const { check, instance, region, agent } = labels;
      const target = check === undefined ? undefined : instance;
      const what = [name, target, region ?? agent].filter(Boolean).join(' ');
      const words = `${status} ${what}`;
      this.#told.push(words);
      const begun = `${JSON.stringify(labels)} ${startsAt}`;
      if (status === 'firing') this.#firing.set(begun, what);
      else this.#firing.delete(begun);
      this.summaries.set(words, annotations['summary'] ?? '');
    }
  }
}

/** The example for Alertmanager, which waits for a second only and tells a webhook. */
export function swiftRoutes(webhookUrl: string): string {
  const swift = { group_wait: '1s', group_interval: '1s', repeat_interval: '1h' };
  const { route, ...rest } = parse(alertmanager()) as { route: { routes: object[] } };
  const routes = route.routes.map((one) => ({ ...one, ...swift }));
  const receivers = [
    { name: 'farpoint', webhook_configs: [{ url: webhookUrl, send_resolved: true }] },
  ];
  return stringify({ ...rest, route: { ...route, ...swift, routes }, receivers });
}
