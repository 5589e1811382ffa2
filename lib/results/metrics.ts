import type { MetricDeclaration } from '../observation.ts';

export const probeSuccess: MetricDeclaration = {
  name: 'probe.success',
  unit: '',
  kind: 'gauge',
  description: '1 when the run was up, 0 when it was down; absent when it could not be judged.',
};
export const probeVerdict: MetricDeclaration = {
  name: 'probe.verdict',
  unit: '',
  kind: 'gauge',
  description:
    'What the run says of the target: 1 for one of up, down and unknown, 0 for the rest.',
  attributes: ['verdict'],
};
export const probeError: MetricDeclaration = {
  name: 'probe.error',
  unit: '',
  kind: 'gauge',
  description: 'Always 1: why the run was not up. Absent while runs are up.',
  attributes: ['error.type'],
};
export const probeDuration: MetricDeclaration = {
  name: 'probe.duration',
  unit: 's',
  kind: 'gauge',
  description: 'How long the target took; the whole run where the check keeps no phases.',
};
export const probeTimeout: MetricDeclaration = {
  name: 'probe.timeout',
  unit: 's',
  kind: 'gauge',
  description: 'The deadline of a run.',
};
export const probeValidUntil: MetricDeclaration = {
  name: 'probe.valid.until.timestamp',
  unit: 's',
  kind: 'gauge',
  description: 'Unix time at which this verdict goes stale unless a newer one arrives.',
};

/** What every result emits, whatever the type of its check. */
export const resultMetrics: readonly MetricDeclaration[] = [
  probeSuccess,
  probeVerdict,
  probeError,
  probeDuration,
  probeTimeout,
  probeValidUntil,
];
