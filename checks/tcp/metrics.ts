import type { MetricDeclaration } from '#lib/observation';
import { addressMetrics } from '../net/metrics.ts';

export const tcpDuration: MetricDeclaration = {
  name: 'probe.tcp.duration',
  unit: 's',
  kind: 'gauge',
  attributes: ['phase'],
  description:
    'Time spent in each phase; processing is the wait for what must come. One that was not reached is absent.',
};

export const tcpMetrics: readonly MetricDeclaration[] = [tcpDuration, ...addressMetrics];
