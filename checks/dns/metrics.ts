import type { MetricDeclaration } from '#lib/observation';

export const dnsDuration: MetricDeclaration = {
  name: 'probe.dns.duration',
  unit: 's',
  kind: 'gauge',
  attributes: ['phase'],
  description: 'Time spent in each phase: request, from the question to the answer',
};

export const answerCount: MetricDeclaration = {
  name: 'probe.dns.answer.rrs',
  unit: '',
  kind: 'gauge',
  description: 'Records in the answer; absent when none came',
};

export const querySucceeded: MetricDeclaration = {
  name: 'probe.dns.query.succeeded',
  unit: '',
  kind: 'gauge',
  description: '1 when a name server answered the question, whatever the answer, else 0',
};

export const serial: MetricDeclaration = {
  name: 'probe.dns.serial',
  unit: '',
  kind: 'gauge',
  description: 'Serial number of the zone, where SOA was asked for',
};

export const timeToLive: MetricDeclaration = {
  name: 'probe.dns.ttl',
  unit: 's',
  kind: 'gauge',
  description: 'Smallest time to live in the answer, where A or AAAA was asked for',
};

export const dnsMetrics: readonly MetricDeclaration[] = [
  dnsDuration,
  answerCount,
  querySucceeded,
  serial,
  timeToLive,
];
