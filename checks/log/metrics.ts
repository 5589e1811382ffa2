import type { MetricDeclaration } from '#lib/observation';
import { exportedBounds } from './counts/durations.ts';

const byRequest = ['status_class', 'method', 'route'] as const;

export const logLines = {
  name: 'log.lines',
  unit: '{line}',
  kind: 'counter',
  description: 'Lines read, by what became of them: parsed, unparsed, oversize',
  attributes: ['outcome'],
} as const satisfies MetricDeclaration;

export const logRead = {
  name: 'log.read',
  unit: 'By',
  kind: 'counter',
  description:
    'Bytes read, by what became of their line; padding is what a truncation left as a hole',
  attributes: ['outcome'],
} as const satisfies MetricDeclaration;

export const logRequests = {
  name: 'log.requests',
  unit: '{request}',
  kind: 'counter',
  description: 'Requests logged',
  attributes: byRequest,
} as const satisfies MetricDeclaration;

export const logSent = {
  name: 'log.sent',
  unit: 'By',
  kind: 'counter',
  description: 'Bytes sent to clients, as logged',
  attributes: byRequest,
} as const satisfies MetricDeclaration;

export const logRequestDuration = {
  name: 'log.request.duration',
  unit: 's',
  kind: 'histogram',
  description: 'Time from the first byte of a request to the last byte of its response, as logged',
  attributes: ['route'],
  buckets: exportedBounds,
} as const satisfies MetricDeclaration;

export const logUpstreamDuration = {
  name: 'log.upstream.duration',
  unit: 's',
  kind: 'histogram',
  description: 'Time that requests waited for upstream servers, all attempts together, as logged',
  attributes: ['route'],
  buckets: exportedBounds,
} as const satisfies MetricDeclaration;

export const logClients = {
  name: 'log.clients',
  unit: '{client}',
  kind: 'gauge',
  description: 'Different clients in the lines of the run; exact unless log.clients.capped is 1',
} as const satisfies MetricDeclaration;

export const logClientsCapped = {
  name: 'log.clients.capped',
  unit: '',
  kind: 'gauge',
  description: '1 if there were more clients than are told apart, and log.clients is a lower bound',
} as const satisfies MetricDeclaration;

export const logConnections = {
  name: 'log.connections',
  unit: '{connection}',
  kind: 'gauge',
  description: 'Different connections in the lines of the run, where the format has them',
} as const satisfies MetricDeclaration;

export const logWindowClients = {
  name: 'log.window.clients',
  unit: '{client}',
  kind: 'gauge',
  description:
    'Different clients in the lines of the window; exact unless log.window.clients.capped is 1',
} as const satisfies MetricDeclaration;

export const logWindowClientsCapped = {
  name: 'log.window.clients.capped',
  unit: '',
  kind: 'gauge',
  description:
    '1 if log.window.clients is a lower bound: more than are told apart, or the agent has run for less than a window',
} as const satisfies MetricDeclaration;

export const logWindowConnections = {
  name: 'log.window.connections',
  unit: '{connection}',
  kind: 'gauge',
  description: 'Different connections in the lines of the window, where the format has them',
} as const satisfies MetricDeclaration;

export const logLag = {
  name: 'log.lag',
  unit: 's',
  kind: 'gauge',
  description: 'How long ago the newest line of the run was logged',
} as const satisfies MetricDeclaration;

export const logBacklog = {
  name: 'log.backlog',
  unit: 'By',
  kind: 'gauge',
  description: 'Bytes that were there and are not read yet, an unfinished last line among them',
} as const satisfies MetricDeclaration;

export const logQuiet = {
  name: 'log.quiet',
  unit: 's',
  kind: 'gauge',
  description: 'How long the log has been without a new line',
} as const satisfies MetricDeclaration;

export const logGaps = {
  name: 'log.gaps',
  unit: '{gap}',
  kind: 'counter',
  description:
    'Times that a log was truncated or removed, perhaps unread, and no rotated copy was found',
  attributes: ['cause'],
} as const satisfies MetricDeclaration;

export const logLost = {
  name: 'log.lost',
  unit: 'By',
  kind: 'counter',
  description:
    'Bytes that were seen and then destroyed before they were read: at least so many are lost',
} as const satisfies MetricDeclaration;

export const logWindowErrors = {
  name: 'log.window.errors',
  unit: '1',
  kind: 'gauge',
  description: 'Share of the requests of the window that were answered 5xx',
  attributes: ['route'],
} as const satisfies MetricDeclaration;

export const logWindowDuration = {
  name: 'log.window.duration',
  unit: 's',
  kind: 'gauge',
  description: 'Time of the requests of the window by quantile, exact to 5 % or 1 ms',
  attributes: ['route', 'quantile'],
} as const satisfies MetricDeclaration;

export const logWindowUpstream = {
  name: 'log.window.upstream',
  unit: 's',
  kind: 'gauge',
  description:
    'Time that requests of the window waited for upstream servers by quantile, exact to 5 % or 1 ms',
  attributes: ['route', 'quantile'],
} as const satisfies MetricDeclaration;

const ofValue = ['name', 'unit'] as const;

export const logValue = {
  name: 'log.value',
  unit: '',
  kind: 'gauge',
  description: 'The last of a number that lines carry, as configured under values',
  attributes: ofValue,
} as const satisfies MetricDeclaration;

export const logValueSum = {
  name: 'log.value.sum',
  unit: '',
  kind: 'counter',
  description: 'The sum of a number that lines carry, as configured under values',
  attributes: ofValue,
} as const satisfies MetricDeclaration;

export const logValueDistribution = {
  name: 'log.value.distribution',
  unit: '',
  kind: 'histogram',
  description: 'A number that lines carry by its size, in the buckets configured under values',
  attributes: ofValue,
  buckets: exportedBounds,
} as const satisfies MetricDeclaration;

export const logMetrics: readonly MetricDeclaration[] = [
  logLines,
  logRead,
  logRequests,
  logSent,
  logRequestDuration,
  logUpstreamDuration,
  logClients,
  logClientsCapped,
  logConnections,
  logWindowClients,
  logWindowClientsCapped,
  logWindowConnections,
  logLag,
  logBacklog,
  logQuiet,
  logGaps,
  logLost,
  logWindowErrors,
  logWindowDuration,
  logWindowUpstream,
  logValue,
  logValueSum,
  logValueDistribution,
];
