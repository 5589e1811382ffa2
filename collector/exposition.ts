import type { Labels, MetricFamily } from './metric.ts';

/** Content-Type of the text format (Prometheus exposition formats, "Text-based format"). */
export const expositionType = 'text/plain; version=0.0.4; charset=utf-8';

/** Metrics in Prometheus' text format. `shared` labels are on every sample. */
export function formatExposition(families: readonly MetricFamily[], shared: Labels): string {
  return families
    .filter(({ samples }) => samples.length > 0)
    .map((family) => formatFamily(family, shared))
    .join('');
}

function formatFamily({ metric, samples }: MetricFamily, shared: Labels): string {
  const { name, kind, description } = metric;
  const lines = samples.map(
    ({ labels, value }) =>
      `${name}${formatLabels({ ...labels, ...shared })} ${formatValue(value)}\n`,
  );
  return `# HELP ${name} ${escapeText(description)}\n# TYPE ${name} ${kind}\n${lines.join('')}`;
}

function formatLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeValue(value)}"`);
  return `{${pairs.join(',')}}`;
}

function escapeValue(text: string): string {
  return escapeText(text).replaceAll('"', String.raw`\"`);
}

function escapeText(text: string): string {
  return text.replaceAll('\\', String.raw`\\`).replaceAll('\n', String.raw`\n`);
}

function formatValue(value: number): string {
  if (Number.isFinite(value)) return String(value);
  if (Number.isNaN(value)) return 'NaN';
  return value > 0 ? '+Inf' : '-Inf';
}
