import type { MetricPoint } from '#lib/otlp/model';

/*
 * Names of OTLP in the words of Prometheus: the rules of the OpenTelemetry specification
 * ("Prometheus and OpenMetrics Compatibility") as Prometheus' own OTLP receiver applies them by
 * default, so that a series has the same name whichever way it came in.
 */

/** What UCUM abbreviates. */
const unitWords = table({
  d: 'days',
  h: 'hours',
  min: 'minutes',
  s: 'seconds',
  ms: 'milliseconds',
  us: 'microseconds',
  ns: 'nanoseconds',
  By: 'bytes',
  KiBy: 'kibibytes',
  MiBy: 'mebibytes',
  GiBy: 'gibibytes',
  TiBy: 'tibibytes',
  KBy: 'kilobytes',
  MBy: 'megabytes',
  GBy: 'gigabytes',
  TBy: 'terabytes',
  m: 'meters',
  V: 'volts',
  A: 'amperes',
  J: 'joules',
  W: 'watts',
  g: 'grams',
  Cel: 'celsius',
  Hz: 'hertz',
  '1': '',
  '%': 'percent',
});

const rateWords = table({
  s: 'second',
  m: 'minute',
  h: 'hour',
  d: 'day',
  w: 'week',
  mo: 'month',
  y: 'year',
});

/**
 * `probe.http.duration` in `s` becomes `probe_http_duration_seconds`, a counter ends in `_total`, a
 * gauge in `1` in `_ratio`. Undefined when nothing of the name can be written.
 */
export function metricName({
  name,
  unit,
  kind,
  monotonic,
}: Pick<MetricPoint, 'name' | 'unit' | 'kind' | 'monotonic'>): string | undefined {
  const words = name.split(/[^a-zA-Z0-9:]+/).filter((word) => word !== '');
  if (words.length === 0) return undefined;
  for (const word of unitSuffixes(unit)) if (!words.includes(word)) words.push(word);
  if (kind === 'sum' && monotonic) moveLast(words, 'total');
  if (kind === 'gauge' && unit === '1') moveLast(words, 'ratio');
  const joined = words.join('_');
  return /^\d/.test(joined) ? `_${joined}` : joined;
}

/** `http.method` becomes `http_method`. Undefined when nothing of the name can be written. */
export function labelName(name: string): string | undefined {
  const written = name.replaceAll(/[^a-zA-Z0-9_]/gu, '_');
  if (/^_*$/.test(written)) return undefined;
  if (/^\d/.test(written)) return `key_${written}`;
  return /^_(?!_)/.test(written) ? `key${written}` : written;
}

/** `By/s` gives `bytes` and `per_second`; what stands in braces is a comment. */
function unitSuffixes(unit: string): readonly string[] {
  const [main = '', rate = ''] = splitOnce(unit, '/').map((part) => part.trim());
  const suffixes = [wordOf(main, unitWords)];
  const rateWord = wordOf(rate, rateWords);
  if (rateWord !== '') suffixes.push(`per_${rateWord}`);
  return suffixes.filter((suffix) => suffix !== '');
}

function splitOnce(text: string, separator: string): readonly string[] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function wordOf(unit: string, words: ReadonlyMap<string, string>): string {
  if (/[{}]/.test(unit)) return '';
  return (words.get(unit) ?? unit).replaceAll(/[^a-zA-Z0-9:]+/g, '_').replaceAll(/^_|_$/g, '');
}

/** A map, since a stranger's unit may be called `valueOf`. */
function table(words: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  return new Map(Object.entries(words));
}

function moveLast(words: string[], word: string): void {
  const others = words.filter((other) => other !== word);
  words.splice(0, words.length, ...others, word);
}
