import type { LookupFunction } from 'node:net';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import type { Secret } from '#lib/secret';
import { type AgentReadings, agentMetrics } from './agent-metrics.ts';
import type { Identity } from './runs/assignment.ts';

const intervalMs = 15_000;
const exportTimeoutMs = 3000;

export interface TelemetryOptions {
  readonly identity: Identity;
  readonly version: string;
  readonly url: string;
  readonly key: Secret | undefined;
  readonly read: () => AgentReadings;
  readonly lookup: LookupFunction;
}

/**
 * What this process says of itself, through the OpenTelemetry SDK and not through the outbox: facts of
 * the moment, of which a lost one is followed by the next. `shutdown` sends the last ones.
 */
export function startTelemetry(options: TelemetryOptions): Pick<MeterProvider, 'shutdown'> {
  const { identity, version, url, key, read, lookup } = options;
  const exporter = new OTLPMetricExporter({
    url: `${url.replace(/\/+$/, '')}/v1/metrics`,
    headers: key === undefined ? {} : { authorization: `Bearer ${key.reveal()}` },
    timeoutMillis: exportTimeoutMs,
    // The timeout above begins only with a connection: one that nobody answers would last for minutes.
    httpAgentOptions: { lookup, keepAlive: true, timeout: exportTimeoutMs },
  });
  const reader = new PeriodicExportingMetricReader({
    exporter,
    exportIntervalMillis: intervalMs,
    exportTimeoutMillis: exportTimeoutMs,
  });
  const resource = resourceFromAttributes({
    'service.name': 'farpoint-agent',
    'service.instance.id': identity.name,
    'service.version': version,
  });
  const provider = new MeterProvider({ resource, readers: [reader] });
  const meter = provider.getMeter('farpoint-agent', version);
  const attributes = { agent: identity.name, region: identity.region };
  for (const agentMetric of agentMetrics) {
    const { name, unit, description, kind } = agentMetric.metric;
    const instrument =
      kind === 'gauge'
        ? meter.createObservableGauge(name, { unit, description })
        : meter.createObservableCounter(name, { unit, description });
    instrument.addCallback((result) => {
      const observed = agentMetric.value(read());
      if (observed !== undefined) result.observe(observed, attributes);
    });
  }
  return provider;
}
