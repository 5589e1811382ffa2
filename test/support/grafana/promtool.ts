import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { prometheusRules } from '#grafana/prometheus-rules';
import { type Alert, dashboardUrl, type RuleGroup, runbookUrl } from '#grafana/rule';
import { ruleGroups } from '#grafana/rules';
import { defaultSettings } from '#grafana/settings';
import { type Firing, type Incident, seriesOf } from './incident.ts';
import type { Mutant } from './mutations.ts';

export const groups = ruleGroups(defaultSettings);
const alerts = new Map(groups.flatMap(({ alerts }) => alerts).map((alert) => [alert.name, alert]));

/** Replays an incident against the rules; gives what was not as it should be, nothing if all was. */
export function replay(incident: Incident, rules: readonly RuleGroup[] = groups): Promise<string> {
  const exact = looksOf(incident).map((minute) => look('', minute, firingAt(incident, minute)));
  return runPromtool(rules, incident, {
    promql_expr_test: exact,
    alert_rule_test: spoken(incident),
  });
}

/** What a query is to answer at a minute of an incident: labels and value of each series. */
export interface Look {
  readonly query: string;
  readonly minute: number;
  readonly series: readonly (readonly [labels: Readonly<Record<string, string>>, value: number])[];
}

/** Asks during an incident; gives what was not answered as it should be, nothing if all was. */
export function askDuring(incident: Incident, looks: readonly Look[]): Promise<string> {
  const written = looks.map(({ query, minute, series }) => ({
    expr: query,
    eval_time: `${minute}m`,
    exp_samples: series.map(([labels, value]) => {
      const pairs = Object.entries(labels).map(([name, label]) => `${name}="${label}"`);
      return { labels: `{${pairs.join(', ')}}`, value };
    }),
  }));
  return runPromtool(groups, incident, { promql_expr_test: written });
}

/** Replays an incident against an alert's mutants at once; gives those that did not fire as the alert should. */
export async function caughtBy(
  incident: Incident,
  alert: Alert,
  mutants: readonly Mutant[],
): Promise<readonly Mutant[]> {
  const named = mutants.map((mutant, index) => {
    return { mutant, wrong: { ...mutant.wrong, name: `${alert.name}Mutant${index}` } };
  });
  const looks = named.flatMap(({ wrong }) =>
    looksOf(incident).map((minute) => {
      const firing = firingAt(incident, minute).filter((one) => one.alert === alert.name);
      const renamed = firing.map((one) => ({ ...one, alert: wrong.name }));
      return look(`, alertname="Farpoint${wrong.name}"`, minute, renamed);
    }),
  );
  const rules = groups.map((group) => ({
    ...group,
    recordings: group.recordings.filter(({ name }) => needed(alert.expression).has(name)),
    alerts: group.alerts.includes(alert) ? named.map(({ wrong }) => wrong) : [],
  }));
  const output = await runPromtool(rules, incident, { promql_expr_test: looks });
  return named
    .filter(({ wrong }) => output.includes(`Farpoint${wrong.name}`))
    .map(({ mutant }) => mutant);
}

async function runPromtool(
  rules: readonly RuleGroup[],
  incident: Incident,
  expected: object,
): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'farpoint-incident-'));
  try {
    const used = rules.filter(({ recordings, alerts }) => recordings.length + alerts.length > 0);
    writeFileSync(join(directory, 'rules.yaml'), prometheusRules(used, defaultSettings));
    const file = join(directory, 'incident.yaml');
    writeFileSync(file, promtoolFile(used, incident, expected));
    await promisify(execFile)('promtool', ['test', 'rules', file], { maxBuffer: 1e8 });
    return '';
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    return `${stdout}${stderr}` || String(error);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function promtoolFile(rules: readonly RuleGroup[], incident: Incident, expected: object): string {
  const content = {
    rule_files: ['rules.yaml'],
    evaluation_interval: '1m',
    // Otherwise groups that read each other's recordings are evaluated in any order.
    group_eval_order: rules.map(({ name }) => name),
    tests: [
      { name: incident.title, interval: '30s', input_series: seriesOf(incident), ...expected },
    ],
  };
  return stringify(content, { lineWidth: 0, aliasDuplicateObjects: false });
}

function looksOf({ minutes, lookEvery = 1 }: Incident): readonly number[] {
  const count = Math.floor(minutes / lookEvery) + 1;
  return Array.from({ length: count }, (_, index) => index * lookEvery);
}

function firingAt({ firing }: Incident, minute: number): readonly Firing[] {
  return firing.filter(({ from, to = Infinity }) => minute >= from && minute < to);
}

/** Exactly these fire at that minute, of the alerts that match. */
function look(matcher: string, minute: number, firing: readonly Firing[]): object {
  return {
    expr: `ALERTS{alertstate="firing"${matcher}}`,
    eval_time: `${minute}m`,
    exp_samples: firing.map((one) => ({ labels: seriesName(one), value: 1 })),
  };
}

function seriesName(firing: Firing): string {
  const labels = {
    alertname: `Farpoint${firing.alert}`,
    alertstate: 'firing',
    ...labelsOf(firing),
  };
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value}"`);
  return `ALERTS{${pairs.join(', ')}}`;
}

/** What the alerts that are asked say, word by word. */
function spoken({ firing }: Incident): readonly object[] {
  const speaking = firing.filter(({ says }) => says !== undefined);
  const byLook = Map.groupBy(speaking, ({ alert, says }) => `${alert} ${says?.at}`);
  return [...byLook.values()].map((instances) => ({
    alertname: `Farpoint${instances[0]?.alert}`,
    eval_time: `${instances[0]?.says?.at}m`,
    exp_alerts: instances.map((one) => ({
      exp_labels: labelsOf(one),
      exp_annotations: {
        summary: one.says?.text,
        runbook_url: runbookUrl(alertOf(one), defaultSettings),
        dashboard_url: linkOf(one),
      },
    })),
  }));
}

function labelsOf(firing: Firing): Readonly<Record<string, string>> {
  const name = firing.alert.replace(/Mutant\d+$/, '');
  return { ...firing.labels, severity: alertOf({ alert: name }).severity };
}

/** The link with the alert's labels in it, as a template would have them. */
function linkOf(firing: Firing): string {
  return dashboardUrl(alertOf(firing), defaultSettings).replaceAll(
    /\{\{ \$labels\.(\w+) \| urlquery \}\}/g,
    (_, label: string) => encodeURIComponent(firing.labels[label] ?? ''),
  );
}

function alertOf({ alert }: Pick<Firing, 'alert'>): Alert {
  const found = alerts.get(alert);
  if (found === undefined) throw new Error(`there is no alert ${alert}`);
  return found;
}

/** Recordings that an expression reads, directly or not. */
function needed(expression: string): ReadonlySet<string> {
  const recordings = groups.flatMap(({ recordings }) => recordings);
  const names = new Set<string>();
  for (const [name] of expression.matchAll(/\bfarpoint:[a-z_:]+/g)) {
    names.add(name);
    const recording = recordings.find((recording) => recording.name === name);
    for (const other of needed(recording?.expression ?? '')) names.add(other);
  }
  return names;
}
