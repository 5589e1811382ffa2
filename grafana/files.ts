import { dashboardProvider, dashboards } from './dashboards.ts';
import { datasource } from './datasource.ts';
import { grafanaRules } from './grafana-rules.ts';
import { alertmanager, contactPoints, policies } from './notifications.ts';
import { prometheusRules, recordingRules } from './prometheus-rules.ts';
import { ruleGroups } from './rules.ts';
import type { Settings } from './settings.ts';

/** Everything that is made, by its path: what Grafana provisions, and the same rules for Prometheus. */
export function grafanaFiles(
  settings: Settings,
  { withPolicies = false }: { readonly withPolicies?: boolean } = {},
): Readonly<Record<string, string>> {
  const groups = ruleGroups(settings);
  return {
    'provisioning/datasources/farpoint.yaml': datasource(),
    'provisioning/dashboards/farpoint.yaml': dashboardProvider(),
    ...Object.fromEntries(
      dashboards(settings).map((dashboard) => [
        `provisioning/dashboards/farpoint/${dashboard.uid}.json`,
        `${JSON.stringify(dashboard, undefined, 2)}\n`,
      ]),
    ),
    'provisioning/alerting/farpoint-rules.yaml': grafanaRules(groups, settings),
    'provisioning/alerting/farpoint-contact-points.yaml': contactPoints(),
    ...(withPolicies ? { 'provisioning/alerting/farpoint-policies.yaml': policies() } : {}),
    'prometheus/farpoint-rules.yaml': prometheusRules(groups, settings),
    'prometheus/farpoint-recordings.yaml': recordingRules(groups, settings),
    'alertmanager/alertmanager.yaml': alertmanager(),
  };
}
