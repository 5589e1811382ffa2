import { agentMetrics } from '#agent/agent-metrics';
import { runMetrics } from '#agent/runs/account';
import { checkTypes } from '#checks/registry';
import { agentFamilies, laneFamilies, ProcessMetrics } from '#collector/own-metrics';
import { metricName } from '#collector/sinks/prometheus/names';
import { Telemetry } from '#collector/receiver/telemetry';
import { createSystemClock } from '#lib/clock';
import { downErrors, unknownErrors } from '#lib/error-type';
import type { MetricDeclaration } from '#lib/observation';
import { resultMetrics } from '#lib/results/metrics';
import { code, table } from './markdown.ts';

/** Groups of metrics, a line each, in the order in which the reference shows them. */
const groups: readonly {
  readonly title: string;
  readonly metrics: readonly MetricDeclaration[];
}[] = [
  { title: 'Every check', metrics: resultMetrics },
  ...checkTypes.map(({ type, metrics }) => ({ title: `Checks of type ${type}`, metrics })),
  { title: 'Runs, of every check and target', metrics: runMetrics },
  { title: 'The agent, by itself', metrics: agentMetrics.map(({ metric }) => metric) },
];

const introduction = `# Metrics

<!-- Written by npm run generate from the declarations beside the code that emits them. -->

Names are those of Prometheus; the OTLP name stands below, with its unit apart. Every series has the labels \`job\` (the
service), \`instance\` (the target as written), \`check\`, \`type\`, \`region\`, \`agent\`, and those of the configuration; what an
agent says of itself has \`job="farpoint-agent"\`, its name as \`instance\`, \`region\` and \`agent\`. What a run did not get to
see is absent, never 0, and a series that ends is marked stale.`;

const errors = `## Values of error_type

They come in the order in which a run meets them. Down, the target's fault:

${downErrors.map(code).join(', ')}.

Unknown, the monitor's: ${unknownErrors.map(code).join(', ')}.`;

/** docs/metrics.md */
export function metricsReference(): string {
  return `${[introduction, ...groups.map(section), collectorSection(), errors].join('\n\n')}\n`;
}

/** What /metrics of a collector shows, read off one that has nothing to do. */
function collectorSection(): string {
  using processMetrics = new ProcessMetrics('', createSystemClock());
  const families = [
    ...new Telemetry().families,
    ...laneFamilies([], 0),
    ...agentFamilies(new Set(), new Telemetry()),
    ...processMetrics.take(),
  ];
  const rows = families.map(({ metric: { name, kind, labels, description } }) => [
    code(name),
    kind,
    labels.map(code).join(', '),
    description,
  ]);
  const title = 'The collector, by itself';
  const where = 'Shown by `/metrics` of the collector; all carry the label `collector`.';
  return `## ${title}\n\n${where}\n\n${table(['metric', 'kind', 'labels', 'what it says'], rows)}`;
}

function section({ title, metrics }: (typeof groups)[number]): string {
  const rows = metrics.map((metric) => [
    `${code(prometheusName(metric))}<br>${metric.name}${metric.unit === '' ? '' : ` (${metric.unit})`}`,
    metric.kind,
    (metric.attributes ?? []).map((name) => code(name.replaceAll('.', '_'))).join(', '),
    metric.description,
  ]);
  return `## ${title}\n\n${table(['metric', 'kind', 'labels', 'what it says'], rows)}`;
}

function prometheusName({ name, unit, kind }: MetricDeclaration): string {
  const point = {
    name,
    unit,
    kind: kind === 'counter' ? 'sum' : kind,
    monotonic: kind !== 'gauge',
  } as const;
  return metricName(point) ?? name;
}
