import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';

interface RuleFile {
  readonly groups: {
    interval: string;
    rules: {
      alert?: string;
      for?: string;
      expr: string;
      annotations?: Record<string, string>;
    }[];
  }[];
}

/** Their thresholds are silences, in seconds. */
const silences = [
  'AgentSilent',
  'AgentBacklog',
  'PipelineStale',
  'CollectorSilent',
  'QueueBacklog',
];

/**
 * A rule file in which all time passes faster by one factor: how often rules are evaluated, how long they
 * wait and look back, and how long a silence is to be. All else is as it is shipped; with 1 everything.
 */
export function swiftRules(rules: string, factor: number): string {
  const file = parse(rules) as RuleFile;
  for (const group of file.groups) {
    group.interval = swift(group.interval, factor);
    for (const rule of group.rules) {
      rule.expr = swift(rule.expr, factor)
        .replace('- 3600)', `- ${3600 / factor})`)
        .replace('<= 180)', `<= ${180 / factor})`);
      if (rule.for !== undefined) rule.for = swift(rule.for, factor);
      if (silences.some((name) => rule.alert === `Farpoint${name}`)) {
        rule.expr = rule.expr.replace(/> (\d+)$/, (_, seconds) => `> ${Number(seconds) / factor}`);
      }
      if (rule.annotations !== undefined) {
        rule.annotations['summary'] = swift(rule.annotations['summary'] ?? '', factor);
      }
    }
  }
  return stringify(file, { lineWidth: 0 });
}

const unitMs = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Divides the durations in PromQL, such as those of `[6h:1m]`. */
export function swift(text: string, factor: number): string {
  return text.replaceAll(
    /\b(\d+)([smhd])\b/g,
    (_, count: string, unit: keyof typeof unitMs) =>
      `${Math.round((Number(count) * unitMs[unit]) / factor)}ms`,
  );
}

/** What VictoriaMetrics scrapes in docker/compose.yaml, of another collector and every second. */
export function composeScrape(collectorUrl: string): string {
  const file = join(import.meta.dirname, '../../../docker/compose/scrape.yaml');
  return readFileSync(file, 'utf8')
    .replace('15s', '1s')
    .replace('collector:4318', new URL(collectorUrl).host);
}

/** A configuration for Prometheus that scrapes a collector, and may have somebody to tell. */
export function prometheusConfiguration(options: {
  readonly collectorUrl: string;
  readonly rulesFile: string;
  readonly alertmanagerUrl?: string;
}): string {
  const targets = (url: string): object => ({ static_configs: [{ targets: [new URL(url).host] }] });
  const { collectorUrl, rulesFile, alertmanagerUrl } = options;
  return stringify({
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    storage: { tsdb: { out_of_order_time_window: '1h' } },
    rule_files: [rulesFile],
    alerting: {
      alertmanagers: alertmanagerUrl === undefined ? [] : [targets(alertmanagerUrl)],
    },
    scrape_configs: [{ job_name: 'farpoint-collector', ...targets(collectorUrl) }],
  });
}
