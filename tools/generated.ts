import { agentJsonSchema, fleetJsonSchema } from '#agent/config/json-schema';
import { collectorJsonSchema } from '#collector/config/json-schema';
import { grafanaFiles } from '#grafana/files';
import { defaultSettings } from '#grafana/settings';
import { configurationReference } from './configuration-reference.ts';
import { metricsReference } from './metrics-reference.ts';

const grafana = Object.entries(grafanaFiles(defaultSettings));

/** What is generated, a line each: the file, and how its text is made. */
export const generated: Readonly<Record<string, () => string>> = {
  'docs/agent.schema.json': () => json(agentJsonSchema()),
  'docs/collector.schema.json': () => json(collectorJsonSchema()),
  'docs/fleet.schema.json': () => json(fleetJsonSchema()),
  'docs/configuration.md': configurationReference,
  'docs/metrics.md': metricsReference,
  ...Object.fromEntries(grafana.map(([file, text]) => [`grafana/generated/${file}`, () => text])),
};

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
