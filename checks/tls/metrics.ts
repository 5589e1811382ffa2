import type { MetricDeclaration } from '#lib/observation';
import { addressMetrics, tlsMetrics } from '../net/metrics.ts';

export const tlsDuration: MetricDeclaration = {
  name: 'probe.tls.duration',
  unit: 's',
  kind: 'gauge',
  attributes: ['phase'],
  description: 'Time spent in each phase; one that was not reached is absent',
};

export const tlsCheckMetrics: readonly MetricDeclaration[] = [
  tlsDuration,
  ...addressMetrics,
  ...tlsMetrics,
];
