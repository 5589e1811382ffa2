import { QueryBuilder, RuleBuilder, type Rule } from '@grafana/grafana-foundation-sdk/alerting';
import { TypeThresholdBuilder } from '@grafana/grafana-foundation-sdk/expr';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { stringify } from 'yaml';
import { datasourceUid } from './datasource.ts';
import {
  type Alert,
  alertName,
  dashboardUrl,
  inline,
  kebab,
  type Recording,
  type RuleGroup,
  runbookUrl,
} from './rule.ts';
import type { Settings } from './settings.ts';
import { grafanaExplanations, grafanaWords } from './words.ts';

export const folder = 'Farpoint';
const expressionUid = '__expr__';
/** So many evaluations a series may be missing before its alert is taken for resolved. */
const missingEvaluations = 5;

/**
 * Grafana-managed rules as a provisioning file. They ask for raw series, so that they work without
 * recording rules; only those over days read recordings.
 */
export function grafanaRules(groups: readonly RuleGroup[], settings: Settings): string {
  const recordings = groups.flatMap(({ recordings }) => recordings);
  const written = groups.map(({ name, intervalSeconds, alerts }) => ({
    orgId: 1,
    name,
    folder,
    interval: `${intervalSeconds}s`,
    rules: alerts.map((alert) => ({
      ...provisioned(build(alert, { recordings, settings, group: name })),
      dashboardUid: alert.dashboard.uid,
    })),
  }));
  return stringify(
    { apiVersion: 1, groups: written },
    { lineWidth: 0, aliasDuplicateObjects: false },
  );
}

function build(
  alert: Alert,
  context: {
    readonly recordings: readonly Recording[];
    readonly settings: Settings;
    readonly group: string;
  },
): Rule {
  const { severity, states } = alert;
  const summary = alert.summary(grafanaWords);
  const explanations = Object.entries(grafanaExplanations(summary));
  return new RuleBuilder(alertName(alert))
    .uid(`farpoint-${kebab(alert.name)}`)
    .ruleGroup(context.group)
    .condition('B')
    .queries([
      query('A', inline(alert.expression, context.recordings)),
      threshold('B', alert),
      ...explanations.map(([name, expression]) => query(name, expression)),
    ])
    .forDuration(alert.for)
    .noDataState(states.noData)
    .execErrState(states.failure)
    .missingSeriesEvalsToResolve(missingEvaluations)
    .labels({ severity })
    .annotations({
      summary,
      runbook_url: runbookUrl(alert, context.settings),
      dashboard_url: dashboardUrl(alert, context.settings),
    })
    .build();
}

function query(refId: string, expression: string): QueryBuilder {
  return new QueryBuilder(refId)
    .datasourceUid(datasourceUid)
    .relativeTimeRange({ from: 600, to: 0 })
    .model(new DataqueryBuilder().refId(refId).expr(expression).instant());
}

function threshold(refId: string, { fires }: Alert): QueryBuilder {
  const evaluator =
    'above' in fires
      ? { type: 'gt' as const, params: [fires.above] }
      : { type: 'lt' as const, params: [fires.below] };
  const model = new TypeThresholdBuilder()
    .refId(refId)
    .expression('A')
    .datasource({ type: expressionUid, uid: expressionUid })
    .conditions([{ evaluator }]);
  return new QueryBuilder(refId)
    .datasourceUid(expressionUid)
    .relativeTimeRange({ from: 0, to: 0 })
    .model(model);
}

/** The SDK models the HTTP API; files spell some keys differently, and have no use for others. */
function provisioned(rule: Rule): object {
  const { data, missingSeriesEvalsToResolve, ...rest } = rule;
  const { orgID: _orgId, folderUID: _folderUid, ruleGroup: _group, ...kept } = rest;
  return plain({
    ...kept,
    missing_series_evals_to_resolve: missingSeriesEvalsToResolve,
    data,
  });
}

/** Built objects carry functions, which YAML cannot write. */
function plain(built: object): object {
  return JSON.parse(JSON.stringify(built));
}
