/** How an annotation says what is only known when the alert fires. */
export interface Words {
  readonly label: (name: string) => string;
  /** The value of the expression: as it is, a share as per cent, or seconds as a duration. */
  readonly value: (as: 'number' | 'share' | 'duration') => string;
  /** `in eu-west, us-east`: the regions in which the target is down. */
  readonly where: string;
  /** `: connect_refused, http_status`: why, over all regions or in that of the alert. */
  readonly why: (scope: 'target' | 'region') => string;
  /** `; last up at …`: anywhere, where it is down now, or in the region of the alert. */
  readonly since: (scope: 'target' | 'down' | 'region') => string;
}

/** Templates of Prometheus and vmalert, which may ask for more than the alert knows. */
export const prometheusWords: Words = {
  label: (name) => `{{ $labels.${name} }}`,
  value: (as) => `{{ $value | ${formats[as]} }}`,
  where: `in ${listed(ask('farpoint:region:up{@} == 0', 'target'), 'region')}`,
  why: (scope) =>
    `: ${listed(ask(`max by (error_type) (${downErrors('@')})`, scope), 'error_type')}`,
  since: (scope) =>
    `; {{ with query (${ask(lastUp(scope), scope)}) }}last up at {{ . | first | value | humanizeTimestamp }}{{ else }}not up in the last 6 hours{{ end }}`,
};

/**
 * Templates of Grafana. They cannot ask; but a rule may have queries beside its condition, and of each an
 * alert is given the series whose labels include its own (`grafanaExplanations`). Where there is none, or a
 * series without labels, nothing is said.
 */
export const grafanaWords: Words = {
  label: (name) => `{{ $labels.${name} }}`,
  value: (as) => `{{ $values.A.Value | ${formats[as]} }}`,
  where: 'in {{ $values.A.Value | humanizePercentage }} of the regions that can tell',
  why: (scope) => `{{ with $values.${refIds.why[scope]}.Labels.error_type }}: {{ . }}{{ end }}`,
  since: (scope) =>
    `{{ with $values.${refIds.since[scope]}.Labels.instance }}; last up at {{ $values.${refIds.since[scope]}.Value | humanizeTimestamp }}{{ end }}`,
};

const refIds = {
  why: { target: 'Why', region: 'WhyThere' },
  since: { target: 'Since', down: 'SinceDown', region: 'SinceThere' },
};

/**
 * The queries that a summary in Grafana's words speaks of, by their name: each gives at most one series for
 * each alert, and always one, since a rule of which any query finds nothing has no data. Why is the
 * commonest error: labels of several series cannot be joined.
 */
export function grafanaExplanations(summary: string): Readonly<Record<string, string>> {
  const commonest = (places: string): string =>
    `topk without (error_type) (1, count without (${places}) (${downErrors('')}))`;
  const newest = (places: string, series: string): string => `max without (${places}) (${series})`;
  const all = {
    [refIds.why.target]: commonest('region, agent'),
    [refIds.why.region]: commonest('agent'),
    [refIds.since.target]: newest('region, agent', lastUpSeries('')),
    [refIds.since.down]: newest('region, agent', `${lastUpSeries('')} and ${saying('down', '')}`),
    [refIds.since.region]: newest('agent', lastUpSeries('')),
  };
  const spokenOf = Object.entries(all).filter(([name]) => summary.includes(`$values.${name}.`));
  return Object.fromEntries(spokenOf.map(([name, query]) => [name, `${query} or on () vector(0)`]));
}

const formats = {
  number: 'humanize',
  share: 'humanizePercentage',
  duration: 'humanizeDuration',
};

/**
 * Why each series is down; where the last run could not tell, why it was in the two minutes before, for
 * which a regional outage goes on.
 */
function downErrors(selector: string): string {
  const errors = `(probe_error{${selector}} and ignoring (error_type) ${saying('down', selector)})`;
  return `${errors} or (max_over_time(${errors}[2m:10s]) and ignoring (error_type) ${saying('unknown', selector)})`;
}

function saying(verdict: 'down' | 'unknown', selector: string): string {
  return `max without (verdict) (probe_verdict{${selector}${selector && ','}verdict="${verdict}"} == 1)`;
}

/** When each series was up last, to ten seconds in the last ten minutes, to a minute in six hours before that. */
export function lastUpSeries(selector: string): string {
  const up = `(timestamp(probe_success{${selector}}) and probe_success{${selector}} == 1)`;
  return `(max_over_time(${up}[10m:10s]) or max_over_time(${up}[6h:1m]))`;
}

function lastUp(scope: 'target' | 'down' | 'region'): string {
  const last = lastUpSeries('@');
  const where =
    scope === 'down' ? ' and ignoring (verdict) probe_verdict{@,verdict="down"} == 1' : '';
  return `max(${last}${where})`;
}

/** A template that makes a query; `@` stands for what selects the series of the alert. */
function ask(query: string, scope: 'target' | 'down' | 'region'): string {
  const labels = ['job', 'instance', 'check', ...(scope === 'region' ? ['region'] : [])];
  const selector = labels.map((label) => `${label}=%q`).join(',');
  const times = query.split('@').length - 1;
  const values = Array.from({ length: times }, () => labels.map((label) => `$labels.${label}`));
  const format = query.replaceAll('@', selector).replaceAll('"', String.raw`\"`);
  return `printf "${format}" ${values.flat().join(' ')}`;
}

function listed(query: string, label: string): string {
  return `{{ range $index, $one := query (${query}) | sortByLabel "${label}" }}{{ if $index }}, {{ end }}{{ $one.Labels.${label} }}{{ else }}not known{{ end }}`;
}
