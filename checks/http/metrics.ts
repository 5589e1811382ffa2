import { gauge, type MetricDeclaration } from '#lib/observation';
import { addressMetrics, tlsMetrics } from '../net/metrics.ts';
import type { Trace } from '../net/trace.ts';
import { headerText, type Received, throughputOf } from './received.ts';

/* The names up to failedRegex are blackbox_exporter's; the others say what it cannot. */

export const phaseDuration = gauge('probe.http.duration', 's', {
  attributes: ['phase'],
  description:
    'Time spent in each phase, summed over redirects. The phases add up to probe_duration_seconds; one that was not reached is absent.',
});
const statusCode = gauge('probe.http.status.code', '', {
  description: 'Status code of the last answer; absent when none came',
});
const contentLength = gauge('probe.http.content.length', '', {
  description: 'Length of the body as the last answer announced it; -1 when it did not',
});
const decodedLength = gauge('probe.http.uncompressed.body.length', '', {
  description: 'Bytes of the body after decompression',
});
const redirects = gauge('probe.http.redirects', '', {
  description: 'Redirects that were followed',
});
const usedTls = gauge('probe.http.ssl', '', {
  description: '1 when the last answer came over TLS, else 0',
});
const httpVersion = gauge('probe.http.version', '', {
  description: 'HTTP version of the last answer: 1, 1.1 or 2',
});
const lastModified = gauge('probe.http.last.modified.timestamp', 's', {
  description: 'Unix time in the Last-Modified header of the last answer',
});
export const failedRegex = gauge('probe.failed.due.to.regex', '', {
  description: '1 when a regular expression for a header or the body was not met, else 0',
});
const hopDuration = gauge('probe.http.hop.duration', 's', {
  attributes: ['hop', 'phase'],
  description:
    'Time spent in each phase of each hop of a run that was redirected; hops count from 0',
});
const bodySize = gauge('probe.http.body.size', 'By', {
  description: 'Bytes of the body as they came, before decompression',
});
const throughput = gauge('probe.http.throughput', 'By/s', {
  description: 'Bytes a second while the body came; absent when it came in one piece',
});
const longestStall = gauge('probe.http.stall', 's', {
  description: 'Longest time in which nothing of the body came',
});
export const extractedValue = gauge('probe.value', '', {
  attributes: ['name', 'unit'],
  description: 'A number read from the answer, in the unit its attribute says',
});
export const valueBound = gauge('probe.value.bound', '', {
  attributes: ['name', 'unit', 'bound'],
  description: 'What a value is expected to keep to: bound is min or max',
});

export const httpMetrics: readonly MetricDeclaration[] = [
  phaseDuration,
  statusCode,
  contentLength,
  decodedLength,
  redirects,
  usedTls,
  httpVersion,
  lastModified,
  failedRegex,
  hopDuration,
  bodySize,
  throughput,
  longestStall,
  extractedValue,
  valueBound,
  ...addressMetrics,
  ...tlsMetrics,
];

/** Measures the phases of each hop, when there was more than one. */
export function measureHops(trace: Trace): void {
  if (trace.hops.length < 2) return;
  for (const [index, phases] of trace.hops.entries()) {
    for (const [phase, ms] of phases) {
      trace.measure(hopDuration, ms / 1000, { hop: String(index), phase });
    }
  }
}

/** Measures the last answer. */
export function measureAnswer(received: Received, hops: number, trace: Trace): void {
  const { response, download } = received;
  const announced = headerText(response, 'content-length');
  const modifiedMs = Date.parse(headerText(response, 'last-modified'));
  const rate = throughputOf(received);
  trace.measure(statusCode, response.status);
  trace.measure(contentLength, announced === '' ? -1 : Number(announced));
  trace.measure(decodedLength, download.decoded);
  trace.measure(redirects, hops - 1);
  trace.measure(usedTls, received.tls === undefined ? 0 : 1);
  trace.measure(httpVersion, response.version);
  trace.measure(bodySize, download.received);
  if (!Number.isNaN(modifiedMs)) trace.measure(lastModified, modifiedMs / 1000);
  if (download.received > 0) trace.measure(longestStall, download.longestStallMs / 1000);
  if (rate !== undefined) trace.measure(throughput, rate);
}
