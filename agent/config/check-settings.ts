import type { CheckType } from '#checks/check';
import { type ConfigurationReading, suggestion } from '#lib/configuration';
import type { ReadCheck } from '#lib/fleet';
import { checkShape, notBuiltTypes } from '#lib/fleet/schema';
import type { MetricDeclaration } from '#lib/observation';
import { resultMetrics } from '#lib/results/metrics';
import { runMetrics } from '../runs/account.ts';
import { notBuiltCheckKeys } from './schema.ts';

/**
 * Validates what a check has beside the common keys by the schema of its type, and what it says of targets and
 * labels. Gives what the type made of it; undefined where it has mistakes, or depends on unresolved references.
 */
export function readSettings(
  reading: ConfigurationReading,
  read: ReadCheck,
  types: readonly CheckType[],
): unknown {
  const { section, common } = read;
  const written = common['type'];
  if (typeof written !== 'string' || notBuiltTypes.includes(written)) return undefined;
  const type = types.find((candidate) => candidate.type === written);
  if (type === undefined) {
    const names = types.map((candidate) => candidate.type);
    const hint = suggestion(written, names);
    reading.mistake(
      common,
      ['type'],
      `no such type of check${hint}; types are ${names.join(', ')}`,
    );
    return undefined;
  }
  checkTargets(reading, read, type);
  checkLabels(reading, read, type);
  const hasDeadlines = typeof common['timeout'] === 'object';
  const takesDeadlines = Object.hasOwn(type.settings.shape, 'timeout');
  if (hasDeadlines && !takesDeadlines) {
    reading.mistake(common, ['timeout'], 'expected a duration such as 10s');
  }
  const isOwn = (key: string): boolean =>
    key === 'timeout' ? hasDeadlines && takesDeadlines : !Object.hasOwn(checkShape, key);
  const own = reading.substitute(reading.pick(section, isOwn));
  const settings = reading.validate(type.settings.strict(), own, {
    alsoKnown: Object.keys(checkShape),
    notBuilt: [...notBuiltCheckKeys, ...(type.notBuilt ?? [])],
  });
  if (settings !== undefined && read.check !== undefined) {
    const mistake = type.validateTogether?.(settings, read.check.timeoutMs);
    if (mistake !== undefined) reading.mistake(own, mistake.path, mistake.message);
  }
  return settings;
}

function checkTargets(
  reading: ConfigurationReading,
  { common, targets }: ReadCheck,
  type: CheckType,
): void {
  for (const [index, target] of targets.entries()) {
    const path = Object.hasOwn(common, 'targets') ? ['targets', index] : ['target'];
    const message = reading.isKnown(common, path) ? type.validateTarget(target) : undefined;
    if (message !== undefined) reading.mistake(common, path, message);
  }
}

/** A label of the configuration must not hide what a metric says. */
function checkLabels(
  reading: ConfigurationReading,
  { common, labels }: ReadCheck,
  type: CheckType,
): void {
  const metrics = [...resultMetrics, ...runMetrics, ...type.metrics];
  for (const label of Object.keys(labels)) {
    const taking = metrics.find((metric) => labelsOf(metric).includes(label));
    if (taking === undefined) continue;
    const message = `${taking.name} has an attribute of this name; choose another`;
    reading.mistake(common, ['labels', label], message);
  }
}

/** As Prometheus has them. */
function labelsOf({ kind, attributes = [] }: MetricDeclaration): readonly string[] {
  const names = attributes.map((attribute) => attribute.replaceAll('.', '_'));
  return kind === 'histogram' ? [...names, 'le'] : names;
}
