import type { Settings } from './settings.ts';
import type { Words } from './words.ts';

/** A series that Prometheus or vmalert computes and keeps. */
export interface Recording {
  /** `farpoint:…` */
  readonly name: string;
  readonly expression: string;
}

/** What Grafana makes of a query that finds nothing, or fails. */
export interface States {
  readonly noData: 'OK' | 'Alerting' | 'NoData';
  readonly failure: 'KeepLast' | 'Alerting';
}

/**
 * For nearly all rules: nothing to look at is no alert, and an unanswered query changes none. That data
 * have stopped altogether is told once, by PipelineStale, and not by every rule at the same time.
 */
export const quiet: States = { noData: 'OK', failure: 'KeepLast' };

/** For the rules that watch over the rest: for these silence and failure are what they are to tell. */
export const watchful: States = { noData: 'Alerting', failure: 'Alerting' };

/** For rules over recorded series: without data the recording rules are not loaded, which must be said. */
export const recorded: States = { noData: 'NoData', failure: 'KeepLast' };

/** One alert, from which the rules of Grafana and of Prometheus are made. */
export interface Alert {
  /** Less the `Farpoint` before it; also names the runbook. */
  readonly name: string;
  /** PromQL that gives a value for everything it watches, healthy or not. May name recordings. */
  readonly expression: string;
  readonly fires: { readonly above: number } | { readonly below: number };
  /** How long it must hold first. */
  readonly for: string;
  readonly severity: 'critical' | 'warning';
  /** What to tell, in one sentence: which target, where, why and since when. */
  readonly summary: (words: Words) => string;
  readonly dashboard: DashboardLink;
  readonly states: States;
}

export interface DashboardLink {
  readonly uid: string;
  /** Labels of the alert that are also variables of the dashboard. */
  readonly variables: readonly string[];
}

/** Rules that are evaluated together, one after the other, recordings first. */
export interface RuleGroup {
  readonly name: string;
  readonly intervalSeconds: number;
  readonly recordings: readonly Recording[];
  readonly alerts: readonly Alert[];
}

export function alertName({ name }: Pick<Alert, 'name'>): string {
  return `Farpoint${name}`;
}

export function runbookUrl({ name }: Pick<Alert, 'name'>, { runbooksUrl }: Settings): string {
  return `${runbooksUrl}/${kebab(name)}.md`;
}

/** The dashboard with the alert's target chosen, as a template of Prometheus and of Grafana. */
export function dashboardUrl(
  { dashboard: { uid, variables } }: Pick<Alert, 'dashboard'>,
  { grafanaUrl }: Settings,
): string {
  const query = variables.map((name) => `var-${name}={{ $labels.${name} | urlquery }}`).join('&');
  return `${grafanaUrl}/d/${uid}${query === '' ? '' : `?${query}`}`;
}

/** TargetDown: target-down */
export function kebab(name: string): string {
  return name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase();
}

/** The same expression over raw series only, for who has no recording rules. Ranges of recordings stay. */
export function inline(expression: string, recordings: readonly Recording[]): string {
  return expression.replaceAll(/\bfarpoint:[a-z_:]+(?![[a-z_:])/g, (name) => {
    const recording = recordings.find((recording) => recording.name === name);
    return recording === undefined ? name : `(${inline(recording.expression, recordings)})`;
  });
}
