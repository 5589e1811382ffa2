import { stringify } from 'yaml';
import { type Alert, alertName, dashboardUrl, type RuleGroup, runbookUrl } from './rule.ts';
import type { Settings } from './settings.ts';
import { prometheusWords } from './words.ts';

/** A rule file for Prometheus, Mimir and vmalert. */
export function prometheusRules(groups: readonly RuleGroup[], settings: Settings): string {
  const written = groups.map(({ name, intervalSeconds, recordings, alerts }) => ({
    name,
    interval: `${intervalSeconds}s`,
    rules: [
      ...recordings.map(({ name, expression }) => ({ record: name, expr: expression })),
      ...alerts.map((alert) => writeAlert(alert, settings)),
    ],
  }));
  return stringify({ groups: written }, { lineWidth: 0 });
}

/** The recording rules alone, for who alerts with Grafana: what uptime and the SLO rules read. */
export function recordingRules(groups: readonly RuleGroup[], settings: Settings): string {
  const recordings = groups
    .filter(({ recordings }) => recordings.length > 0)
    .map((group) => ({ ...group, alerts: [] }));
  return prometheusRules(recordings, settings);
}

function writeAlert(alert: Alert, settings: Settings): object {
  return {
    alert: alertName(alert),
    expr: condition(alert),
    for: alert.for,
    labels: { severity: alert.severity },
    annotations: {
      summary: alert.summary(prometheusWords),
      runbook_url: runbookUrl(alert, settings),
      dashboard_url: dashboardUrl(alert, settings),
    },
  };
}

function condition({ expression, fires }: Alert): string {
  return 'above' in fires ? `(${expression}) > ${fires.above}` : `(${expression}) < ${fires.below}`;
}
