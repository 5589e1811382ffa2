import type { AttributeValue, Attributes, MetricPoint } from '#lib/otlp/model';

/**
 * A string that two points share if and only if they belong to the same series: same name, unit and
 * kind, same resource and attributes in whatever order. Lengths are written before texts, so that no
 * choice of characters makes one series look like another.
 */
export function seriesKey(point: MetricPoint): string {
  const kind = point.kind === 'sum' && !point.monotonic ? 'gauge' : point.kind;
  return (
    `${kind} ${framed(point.name)}${framed(point.unit)}` +
    `${attributesKey(point.resource)}${attributesKey(point.attributes)}`
  );
}

/** A decoder gives points with the same attributes the same object. */
const knownKeys = new WeakMap<Attributes, string>();

/** The same for attributes alone. */
export function attributesKey(attributes: Attributes): string {
  const known = knownKeys.get(attributes);
  if (known !== undefined) return known;
  const names = Object.keys(attributes).sort();
  let key = `${names.length}`;
  for (const name of names) key += framed(name) + framed(attributes[name] ?? '');
  knownKeys.set(attributes, key);
  return key;
}

function framed(value: AttributeValue): string {
  const text = String(value);
  return ` ${text.length}:${text}`;
}
