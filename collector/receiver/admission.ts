import { decodeRejections, Rejections } from '#lib/otlp/limits';
import type { Attributes, LogRecord, MetricPoint } from '#lib/otlp/model';
import type { Identity } from '../keys.ts';
import { metricName } from '../sinks/prometheus/names.ts';
import { type Claim, Claims, onlyOf } from './claims.ts';

/** Why a point or record can never be accepted. */
export const admissionRejections = [
  ...decodeRejections,
  'identity',
  'reserved_name',
  'future',
  'past',
  'not_a_number',
  'series_limit',
] as const;
export type AdmissionRejection = (typeof admissionRejections)[number];

export interface AdmissionProblem {
  readonly reason: AdmissionRejection;
  readonly example: string;
}

/** By what the points and records of a request are judged. */
export interface AdmissionRules {
  readonly identity: Identity;
  readonly nowUnixMs: number;
  /** How far ahead of the clock they may be. */
  readonly futureMsMax: number;
  /** Whether a point's series is known, or there is room for it. */
  readonly hasRoom: (point: MetricPoint) => boolean;
}

/** What may go on. */
export interface Admission<Item> {
  readonly items: readonly Item[];
  /** Whether `items` are exactly what was sent. */
  readonly isUnchanged: boolean;
  readonly rejected: Rejections<AdmissionRejection>;
  /**
   * Whether something is lost with what is of another identity: more than that series end, as what an agent
   * last was called ends under its old name.
   */
  readonly isForeign: boolean;
  /** The agent that all items are of, or the only one of the key where there is no item; else empty. */
  readonly agent: string;
  /** How far the newest item is ahead of the clock; negative when it is in the past. */
  readonly aheadMs: number;
}

/** Older data are a wrong clock or a wrong unit. */
const pastMsMax = 366 * 86_400_000;
const nanosecondsPerMs = 1_000_000;

/** Names that all alerts rest on, as Prometheus has them: many others are turned into such a one. */
const reservedName = /^(?:probe|farpoint)(?:_|$)/;

/**
 * Judges points by who sends them, what they are called and when they are said to be from. An identity
 * that is missing is stamped where the key leaves no choice. What can never be accepted is left out
 * and counted, beside what the decoder already left out.
 */
export function admitPoints(
  points: readonly MetricPoint[],
  undecodable: Rejections,
  rules: AdmissionRules,
): Admission<MetricPoint> {
  return admit({ items: points, undecodable, rules }, (point, claim) =>
    problemOfPoint(point, claim, rules),
  );
}

/** The same for log records. */
export function admitLogs(
  records: readonly LogRecord[],
  undecodable: Rejections,
  rules: AdmissionRules,
): Admission<LogRecord> {
  return admit({ items: records, undecodable, rules }, () => undefined);
}

interface Dated {
  readonly attributes: Attributes;
  readonly timeUnixNano: bigint;
  /** Of a point, where its series does not end. */
  readonly value?: MetricPoint['value'];
}

function admit<Item extends Dated>(
  sent: {
    readonly items: readonly Item[];
    readonly undecodable: Rejections;
    readonly rules: AdmissionRules;
  },
  problemOf: (item: Item, claim: Claim) => AdmissionProblem | undefined,
): Admission<Item> {
  const { items, undecodable, rules } = sent;
  const rejected = new Rejections<AdmissionRejection>();
  for (const [reason, { count, example }] of undecodable.reasons) {
    rejected.add(reason, count, example);
  }
  const claims = new Claims(rules.identity);
  const window = timeWindow(rules);
  const admitted: Item[] = [];
  const agents = new Set<string>();
  let isUnchanged = rejected.count === 0;
  let isForeign = false;
  let newest = 0n;
  for (const item of items) {
    const claim = claims.of(item.attributes);
    const problem = problemOfClaim(claim) ?? problemOfTime(item, window) ?? problemOf(item, claim);
    const isAsSent = problem === undefined && claim.attributes === item.attributes;
    isUnchanged &&= isAsSent;
    if (problem !== undefined) {
      rejected.add(problem.reason, 1, problem.example);
      isForeign ||= problem.reason === 'identity' && !endsSeries(item);
      continue;
    }
    admitted.push(isAsSent ? item : { ...item, attributes: claim.attributes });
    agents.add(claim.agent ?? '');
    if (item.timeUnixNano > newest) newest = item.timeUnixNano;
  }
  const agent = onlyOf(admitted.length === 0 ? rules.identity.agents : [...agents]) ?? '';
  const aheadMs = Number(newest) / nanosecondsPerMs - rules.nowUnixMs;
  return { items: admitted, isUnchanged, rejected, isForeign, agent, aheadMs };
}

/** A log record has no value. */
function endsSeries(item: Dated): boolean {
  return 'value' in item && item.value === undefined;
}

function problemOfClaim({ problem }: Claim): AdmissionProblem | undefined {
  return problem === undefined ? undefined : { reason: 'identity', example: problem };
}

interface TimeWindow {
  readonly oldest: bigint;
  readonly newest: bigint;
}

function timeWindow({ nowUnixMs, futureMsMax }: AdmissionRules): TimeWindow {
  return {
    oldest: toNanoseconds(nowUnixMs - pastMsMax),
    newest: toNanoseconds(nowUnixMs + futureMsMax),
  };
}

function toNanoseconds(unixMs: number): bigint {
  return BigInt(Math.floor(unixMs)) * BigInt(nanosecondsPerMs);
}

function problemOfTime({ timeUnixNano }: Dated, window: TimeWindow): AdmissionProblem | undefined {
  if (timeUnixNano > window.newest) {
    return { reason: 'future', example: `time ${isoTime(timeUnixNano)} is too far ahead` };
  }
  if (timeUnixNano < window.oldest) {
    return { reason: 'past', example: `time ${isoTime(timeUnixNano)} is more than a year ago` };
  }
  return undefined;
}

function isoTime(timeUnixNano: bigint): string {
  const date = new Date(Number(timeUnixNano / BigInt(nanosecondsPerMs)));
  return Number.isNaN(date.getTime()) ? `${timeUnixNano} ns` : date.toISOString();
}

function problemOfPoint(
  point: MetricPoint,
  claim: Claim,
  rules: AdmissionRules,
): AdmissionProblem | undefined {
  const { name, kind, value } = point;
  if (!isOfAgent(claim, rules.identity) && reservedName.test(metricName(point) ?? '')) {
    const example = `${name}: only an agent may send it, naming itself and its region`;
    return { reason: 'reserved_name', example };
  }
  if (kind !== 'gauge' && !isCountable(value)) {
    return { reason: 'not_a_number', example: `${name}: a counter that is not finite` };
  }
  if (rules.hasRoom(point)) return undefined;
  return { reason: 'series_limit', example: `${name}: this key has no room for more series` };
}

/** A key for several agents, and one for several regions, needs points that say which. */
function isOfAgent({ agent, region }: Claim, { regions }: Identity): boolean {
  return agent !== undefined && (region !== undefined || regions.length === 0);
}

/** A gauge may be anything, as in Prometheus; what counts must be a number to count from. */
function isCountable(value: MetricPoint['value']): boolean {
  const number = typeof value === 'object' ? (value.sum ?? 0) : (value ?? 0);
  return Number.isFinite(number);
}
