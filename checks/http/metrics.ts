import { type MetricDeclaration } from '#lib/observation';
import { addressMetrics, tlsMetrics } from '../net/metrics.ts';

export const phaseDuration: MetricDeclaration = {
  name: 'probe.http.duration',
  unit: 's',
  kind: 'gauge',
  description:
    'Time spent in each phase, summed over redirects; phases add up to probe_duration_seconds, and one that was not reached is absent',
  attributes: ['phase'],
};

export const statusCode: MetricDeclaration = {
  name: 'probe.http.status.code',
  unit: '',
  kind: 'gauge',
  description: 'Status code of the last answer; absent when none came',
};

export const contentLength: MetricDeclaration = {
  name: 'probe.http.content.length',
  unit: '',
  kind: 'gauge',
  description: 'Length of the body as the answer announced it; -1 when it did not',
};

export const bodySize: MetricDeclaration = {
  name: 'probe.http.body.size',
  unit: 'By',
  kind: 'gauge',
  description: 'Bytes of the body as they came, before any decompression',
};

export const usedTls: MetricDeclaration = {
  name: 'probe.http.ssl',
  unit: '',
  kind: 'gauge',
  description: '1 when the last answer came over TLS, else 0',
};

export const httpVersion: MetricDeclaration = {
  name: 'probe.http.version',
  unit: '',
  kind: 'gauge',
  description: 'HTTP version of the last answer: 1.0, 1.1 or 2',
};

export const httpMetrics: readonly MetricDeclaration[] = [
  phaseDuration,
  statusCode,
  contentLength,
  bodySize,
  usedTls,
  httpVersion,
  ...addressMetrics,
  ...tlsMetrics,
];
