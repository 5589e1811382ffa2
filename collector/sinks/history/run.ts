import type { Verdict } from '#lib/observation';
import type { Attributes, AttributeValue, LogRecord, MetricPoint } from '#lib/otlp/model';
import type { Subject as ResultSubject } from '#lib/results/subject';
import { probeDuration, probeError, probeValidUntil, probeVerdict } from '#lib/results/metrics';
import type { Batch } from '../sink.ts';

/** Times and verdicts of one of these form one line of the history; labels may change on the way. */
export type Subject = Omit<ResultSubject, 'labels'>;

/** Plain JSON. */
export type Facts = Readonly<Record<string, string | number | boolean>>;

/** What a batch says of one run; what it does not say stays as it is known. */
export interface RunRecord {
  readonly subject: Subject;
  readonly labels?: Readonly<Record<string, string>>;
  readonly unixMs: number;
  readonly verdict?: VerdictStatus;
  readonly errorType?: string;
  readonly message?: string;
  readonly durationMs?: number;
  readonly validUntilUnixMs?: number;
  readonly run?: string;
  /** What explains the verdict: an address, a header, a certificate. */
  readonly facts?: Facts;
}

type VerdictStatus = Verdict['status'];
type Knowledge = Omit<RunRecord, 'subject' | 'unixMs'>;

/**
 * The runs a batch tells of: points and log records of one subject and time belong to one run. The
 * verdict is only taken from points, which come after the log record with its reason. What
 * is not part of a run (counters, other people's metrics) is left out. `extra` labels are added where a run has none of
 * that name.
 */
export function runsOf(
  { points, logs }: Batch,
  extra: Readonly<Record<string, string>>,
): readonly RunRecord[] {
  const runs = new Map<string, RunRecord>();
  for (const point of points) learn(runs, point, knowledgeOfPoint(point));
  for (const log of logs) learn(runs, log, knowledgeOfLog(log));
  return Array.from(runs.values(), (run) =>
    run.labels === undefined ? run : { ...run, labels: { ...extra, ...run.labels } },
  );
}

function learn(
  runs: Map<string, RunRecord>,
  item: MetricPoint | LogRecord,
  knowledge: Knowledge | undefined,
): void {
  const subject = knowledge && subjectOf(item);
  if (subject === undefined) return;
  const unixMs = Number(item.timeUnixNano / 1_000_000n);
  const key = JSON.stringify([unixMs, ...Object.values(subject)]);
  runs.set(key, { ...runs.get(key), ...knowledge, subject, unixMs });
}

function subjectOf({ resource, attributes }: MetricPoint | LogRecord): Subject | undefined {
  const { check, type, region, agent } = attributes;
  const { 'service.name': service, 'service.instance.id': target } = resource;
  return isText(check) &&
    isText(type) &&
    isText(service) &&
    isText(target) &&
    isText(region) &&
    isText(agent)
    ? { check, type, service, target, region, agent }
    : undefined;
}

function knowledgeOfPoint({ name, value, attributes }: MetricPoint): Knowledge | undefined {
  if (typeof value !== 'number') return undefined;
  const { verdict, 'error.type': errorType } = attributes;
  switch (name) {
    case probeVerdict.name:
      return value === 1 && isVerdict(verdict)
        ? { verdict, labels: labelsOf(attributes) }
        : undefined;
    case probeError.name:
      return isText(errorType) ? { errorType } : undefined;
    case probeDuration.name:
      return { durationMs: Math.round(value * 1e6) / 1e3 };
    case probeValidUntil.name:
      return { validUntilUnixMs: Math.round(value * 1000) };
    default:
      return undefined;
  }
}

function knowledgeOfLog({ body, attributes }: LogRecord): Knowledge | undefined {
  const { 'farpoint.run': run, 'error.type': errorType } = attributes;
  if (!isText(run)) return undefined;
  const facts = Object.entries(attributes)
    .filter(([name]) => name.startsWith(factPrefix))
    .map(([name, value]) => [name.slice(factPrefix.length), toPlain(value)] as const);
  return {
    run,
    message: body,
    ...(isText(errorType) && { errorType }),
    ...(facts.length > 0 && { facts: Object.fromEntries(facts) }),
  };
}

const factPrefix = 'evidence.';
const identity = new Set(['check', 'type', 'region', 'agent', 'verdict']);

/** The labels of the configuration: what a point carries beside its identity. */
function labelsOf(attributes: Attributes): Readonly<Record<string, string>> {
  const own = Object.entries(attributes).filter(([name]) => !identity.has(name));
  return Object.fromEntries(own.map(([name, value]) => [name, String(value)]));
}

function toPlain(value: AttributeValue): string | number | boolean {
  return typeof value === 'bigint' ? String(value) : value;
}

function isVerdict(value: unknown): value is VerdictStatus {
  return value === 'up' || value === 'down' || value === 'unknown';
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}
