import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { grafanaFiles } from '#grafana/files';
import { alertName, kebab } from '#grafana/rule';
import { ruleGroups } from '#grafana/rules';
import { defaultSettings } from '#grafana/settings';
import { metricsReference } from '../../tools/metrics-reference.ts';

const root = join(import.meta.dirname, '../..');
const files = grafanaFiles(defaultSettings, { withPolicies: true });
const alerts = ruleGroups(defaultSettings).flatMap(({ alerts }) => alerts);
const dashboards = Object.entries(files)
  .filter(([file]) => file.endsWith('.json'))
  .map(([, text]) => JSON.parse(text) as Dashboard);

interface Dashboard {
  readonly uid: string;
  readonly panels: readonly {
    readonly id?: number;
    readonly type: string;
    readonly datasource?: unknown;
    readonly targets?: readonly { readonly datasource?: unknown }[];
  }[];
}

/** Keys that Grafana reads from alerting files (its pkg/services/provisioning/alerting, file types). */
const keys = {
  group: 'orgId name folder interval rules',
  rule: 'uid title condition data dashboardUid panelId noDataState execErrState for keepFiringFor missing_series_evals_to_resolve annotations labels isPaused notification_settings record',
  query: 'refId queryType relativeTimeRange datasourceUid model',
  contactPoint: 'orgId name receivers',
  receiver: 'uid type settings disableResolveMessage',
  policy:
    'orgId receiver group_by group_wait group_interval repeat_interval matchers object_matchers mute_time_intervals continue routes',
  datasource: 'name uid type access orgId url editable jsonData isDefault',
  provider:
    'name orgId folder folderUid type disableDeletion options updateIntervalSeconds allowUiUpdates',
};

function read(file: string): Record<string, object[]> {
  return parse(files[`provisioning/${file}.yaml`] ?? '');
}

function expectKeys(objects: readonly object[], allowed: string): void {
  expect(objects.length).toBeGreaterThan(0);
  for (const one of objects)
    expect(allowed.split(' ')).toEqual(expect.arrayContaining(Object.keys(one)));
}

describe('provisioning files', () => {
  test('rules have the keys, states and references of the format', () => {
    const { apiVersion, groups = [] } = read('alerting/farpoint-rules');
    expect(apiVersion).toBe(1);
    expectKeys(groups, keys.group);
    const rules = groups.flatMap((group) => (group as { rules: Record<string, unknown>[] }).rules);
    expectKeys(rules, keys.rule);
    expect(rules.map(({ title }) => title)).toEqual(alerts.map(alertName));
    for (const rule of rules) {
      const data = rule['data'] as { refId: string; model: Record<string, unknown> }[];
      expectKeys(data, keys.query);
      const refIds = data.map(({ refId }) => refId);
      expect(refIds.slice(0, 2)).toEqual(['A', 'B']);
      expect(data.map(({ model }) => model['refId'])).toEqual(refIds);
      // Templates find the values of queries that are there, and no query is asked for nothing.
      const named = JSON.stringify(rule['annotations']).matchAll(/\$values\.(\w+)/g);
      const spokenOf = new Set([...named].map(([, name]) => name));
      expect([...new Set(['A', 'B', ...spokenOf])]).toEqual(refIds);
      expect(rule['condition']).toBe('B');
      expect(['OK', 'Alerting', 'NoData', 'KeepLast']).toContain(rule['noDataState']);
      expect(['OK', 'Alerting', 'Error', 'KeepLast']).toContain(rule['execErrState']);
      expect(dashboards.map(({ uid }) => uid)).toContain(rule['dashboardUid']);
      // Annotations of newer versions, and all labels, have `$` names replaced from the environment.
      expect(JSON.stringify([rule['labels'], rule['title']])).not.toContain('$');
      expect(JSON.stringify(rule['annotations'])).not.toContain('${');
    }
  });

  test('uids are what they always were, and short enough', () => {
    const { groups = [] } = read('alerting/farpoint-rules');
    const uids = groups.flatMap((group) =>
      (group as { rules: { uid: string }[] }).rules.map(({ uid }) => uid),
    );
    expect(uids).toEqual(alerts.map(({ name }) => `farpoint-${kebab(name)}`));
    expect(dashboards.map(({ uid }) => uid)).toEqual([
      'farpoint-overview',
      'farpoint-target',
      'farpoint-pipeline',
      'farpoint-uptime',
      'farpoint-certificates',
    ]);
    for (const uid of uids) expect(uid.length).toBeLessThanOrEqual(40);
    expect(new Set(uids).size).toBe(uids.length);
  });

  test('contact points, policies, the datasource and the provider of dashboards too', () => {
    const { contactPoints = [] } = read('alerting/farpoint-contact-points');
    expectKeys(contactPoints, keys.contactPoint);
    expectKeys(
      contactPoints.flatMap((one) => (one as { receivers: object[] }).receivers),
      keys.receiver,
    );
    const { policies = [] } = read('alerting/farpoint-policies');
    expectKeys(policies, keys.policy);
    expectKeys(
      policies.flatMap((one) => (one as { routes: object[] }).routes),
      keys.policy,
    );
    expectKeys(read('datasources/farpoint')['datasources'] ?? [], keys.datasource);
    expectKeys(read('dashboards/farpoint')['providers'] ?? [], keys.provider);
  });

  test('policies come only when they are asked for', () => {
    const without = Object.keys(grafanaFiles(defaultSettings));
    expect(Object.keys(files).filter((file) => !without.includes(file))).toEqual([
      'provisioning/alerting/farpoint-policies.yaml',
    ]);
  });

  test('every panel asks the datasource that the reader chose', () => {
    for (const { panels } of dashboards) {
      for (const { type, datasource, targets = [] } of panels) {
        if (type === 'row') continue;
        expect(targets.length).toBeGreaterThan(0);
        for (const one of [{ datasource }, ...targets]) {
          expect(one.datasource).toEqual({ type: 'prometheus', uid: '${datasource}' });
        }
      }
    }
  });
});

describe('settings', () => {
  test('an objective beyond the resolution of minutes still needs two bad ones', () => {
    const rules = grafanaFiles({ ...defaultSettings, objective: 0.9999 })[
      'prometheus/farpoint-rules.yaml'
    ];
    const { groups } = parse(rules ?? '') as {
      groups: { rules: { alert?: string; expr: string }[] }[];
    };
    const fast = groups
      .flatMap(({ rules }) => rules)
      .find(({ alert }) => alert === 'FarpointSloBurnFast');
    const threshold = Number(fast?.expr.split(' > ').at(-1));
    expect(threshold * 0.0001 * 60).toBeCloseTo(2, 9);
  });

  test('lookback is in every range over verdicts', () => {
    const text = Object.values(grafanaFiles({ ...defaultSettings, lookback: '3h' })).join('');
    expect(text).toContain('[3h]');
    expect(text).not.toContain('[25h]');
  });
});

describe('documents', () => {
  test('every alert has its runbook, and every runbook its alert', () => {
    const pages = readdirSync(join(root, 'docs/runbooks')).sort();
    expect(pages).toEqual(alerts.map(({ name }) => `${kebab(name)}.md`).sort());
    for (const alert of alerts) {
      const page = readFileSync(join(root, 'docs/runbooks', `${kebab(alert.name)}.md`), 'utf8');
      expect(page).toMatch(new RegExp(`^# ${alertName(alert)}\n\n\\*\\*${alert.severity}\\*\\*`));
    }
  });

  test('rules and panels name only metrics that are declared', () => {
    const collectorSources = ['receiver/telemetry.ts', 'own-metrics.ts']
      .map((file) => readFileSync(join(root, 'collector', file), 'utf8'))
      .join('');
    // Announced maintenance has its place before anything announces it.
    const declared = `${metricsReference()} ${collectorSources} probe_maintenance`;
    const text = Object.values(files).join('\n');
    const named = new Set(text.match(/\b(?:probe|log|farpoint)_[a-z_]+/g));
    expect(named.size).toBeGreaterThan(40);
    const unknown = [...named].filter(
      (name) => !new RegExp(`\\b${name.replace(/_bucket$/, '')}\\b`).test(declared),
    );
    expect(unknown).toEqual([]);
  });
});
