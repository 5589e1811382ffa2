import { agentJsonSchema } from '#agent/json-schema';
import { collectorJsonSchema } from '#collector/json-schema';
import { configurationReference } from './configuration-reference.ts';
import { metricsReference } from './metrics-reference.ts';

/** What is generated, a line each: the file, and how its text is made. */
export const generated: Readonly<Record<string, () => string>> = {
  'docs/agent.schema.json': () => json(agentJsonSchema()),
  'docs/collector.schema.json': () => json(collectorJsonSchema()),
  'docs/configuration.md': configurationReference,
  'docs/metrics.md': metricsReference,
};

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
