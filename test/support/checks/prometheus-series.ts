import { metricName } from '#collector/sinks/prometheus/names';
import type { Observation } from '#lib/observation';

/** Values by series, read from a page in Prometheus' text format. */
export async function scrape(url: string): Promise<Map<string, number>> {
  const text = await (await fetch(url)).text();
  return new Map(
    text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => {
        const at = line.lastIndexOf(' ');
        return [line.slice(0, at), Number(line.slice(at + 1))];
      }),
  );
}

/** Values by series, of an observation's gauges, under the names they have in Prometheus. */
export function prometheusSeries({ measurements }: Observation): Map<string, number> {
  return new Map(
    measurements.map(({ metric: { name, unit }, value, attributes }) => {
      const written = metricName({ name, unit, kind: 'gauge', monotonic: false }) ?? name;
      const labels = Object.entries(attributes ?? {}).map(([key, text]) => `${key}="${text}"`);
      return [labels.length > 0 ? `${written}{${labels.join(',')}}` : written, Number(value)];
    }),
  );
}
