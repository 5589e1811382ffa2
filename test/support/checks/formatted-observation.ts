import type { Measurement, Observation } from '#lib/observation';

/**
 * Observations as text for golden files: verdict, measurements and evidence, sorted. What differs from
 * run to run (durations, ports, times and fingerprints of certificates) is left out.
 */
export function formatObservations(observations: Readonly<Record<string, Observation>>): string {
  return Object.entries(observations)
    .map(([title, observation]) => `# ${title}\n${formatObservation(observation)}`)
    .join('\n');
}

function formatObservation({ verdict, measurements, evidence = {} }: Observation): string {
  const reason = verdict.status === 'up' ? '' : ` ${verdict.error}: ${steady(verdict.message)}`;
  return [
    verdict.status + reason,
    ...measurements.map(formatMeasurement).sort(),
    ...Object.entries(evidence)
      .map(([fact, value]) => `- ${fact}: ${steady(String(value))}`)
      .sort(),
    '',
  ].join('\n');
}

function formatMeasurement({ metric, value, attributes = {} }: Measurement): string {
  const labels = Object.entries(attributes).map(([name, text]) => `${name}="${text}"`);
  const passing = metric.unit === 's' || metric.unit === 'By/s' || /expiry/.test(metric.name);
  return `${metric.name}{${labels.join(', ')}} ${metric.kind}${metric.unit && ` in ${metric.unit}`}: ${passing ? '…' : JSON.stringify(value)}`;
}

function steady(text: string): string {
  return text
    .replaceAll(/\d{4}-\d\d-\d\d(T[\d:.]+Z)?/g, 'DATE')
    .replaceAll(/\b[\da-f]{64}\b/g, 'FINGERPRINT')
    .replaceAll(/(127\.0\.0\.1|localhost)(:| port )\d+/g, '$1$2PORT');
}
