import type { Verdict } from '#lib/observation';
import { quantileMs } from './counts/durations.ts';
import type { ValueGain } from './counts/gains.ts';
import { statusClasses } from './counts/tally.ts';
import type { LogReading } from './reading.ts';
import type { ExpectSettings, RequestExpectations } from './settings/expect.ts';
import { type WindowTotals, windowTotals } from './window.ts';

interface Bounds {
  readonly min?: number | undefined;
  readonly max?: number | undefined;
}

/** A configured number with thresholds. */
export interface JudgedValue {
  readonly name: string;
  readonly as: 'counter' | 'gauge' | 'histogram';
  readonly expect?: Bounds | undefined;
}

export interface Expectations {
  readonly expect: ExpectSettings;
  /** In the order of the reader's settings. */
  readonly values: readonly JudgedValue[];
  readonly windowMs: number;
}

/**
 * What a reading says of the service. A log that cannot be read says nothing of it; one that is not
 * there, or silent, does. Otherwise everything that is out of its bounds is named.
 */
export function judge(reading: LogReading, expectations: Expectations, nowMs: number): Verdict {
  const { problem, state } = reading;
  if (problem?.kind === 'missing')
    return { status: 'down', error: 'log_missing', message: problem.message };
  if (problem !== undefined)
    return { status: 'unknown', error: 'log_unreadable', message: problem.message };
  const { silence } = expectations.expect;
  const quietMs = nowMs - (state.lastLineUnixMs ?? nowMs);
  if (silence !== undefined && quietMs > silence && caughtUp(reading)) {
    const message = `no new line for ${seconds(quietMs)}, expected one at least every ${seconds(silence)}`;
    return { status: 'down', error: 'log_silent', message };
  }
  const violations = [...violationsOf(reading, expectations, nowMs)];
  if (violations.length === 0) return { status: 'up' };
  return { status: 'down', error: 'log_threshold', message: violations.join('; ') };
}

function* violationsOf(
  reading: LogReading,
  { expect, values, windowMs }: Expectations,
  nowMs: number,
): Generator<string> {
  const { gains, recent, newestLineMs, state } = reading;
  // A window that is not read to its end, or has only begun, may still get its requests.
  const whole = caughtUp(reading) && nowMs - state.sinceUnixMs >= windowMs;
  const { sample } = expect;
  yield* ofRequests(windowTotals(state.window), expect, { sample, whole, of: '' });
  for (const [route, expected] of Object.entries(expect.routes)) {
    yield* ofRequests(windowTotals(state.window, route), expected, {
      sample,
      whole,
      of: ` of ${route}`,
    });
  }
  yield* outside(gains.clients.count, expect.clients, { name: 'clients' });
  yield* outside(gains.connections.count, expect.connections, { name: 'connections' });
  for (const name of ['clients', 'connections'] as const) {
    const { count, complete } = recent[name];
    const { min, max } = expect.window?.[name] ?? {};
    const bounds = { min: whole && complete ? min : undefined, max };
    yield* outside(count, bounds, { name: `${name} of the window` });
  }
  const { parsed, unparsed, oversize } = gains.lines;
  const broken = (unparsed + oversize) / (parsed + unparsed + oversize);
  yield* outside(broken, expect.unparsed, { name: 'lines that do not parse', write: percent });
  yield* outside(
    nowMs - (newestLineMs ?? nowMs),
    { max: expect.lag },
    { name: 'lag', write: seconds },
  );
  for (const [index, { name, as, expect: bounds }] of values.entries()) {
    yield* outside(numberOf(as, gains.values[index]), bounds, { name });
  }
}

function* ofRequests(
  { requests, classes, durations, upstreams }: WindowTotals,
  expected: RequestExpectations,
  { sample, whole, of }: { readonly sample: number; readonly whole: boolean; readonly of: string },
): Generator<string> {
  const { min, max } = expected.requests ?? {};
  yield* outside(requests, { min: whole ? min : undefined, max }, { name: `requests${of}` });
  if (requests < sample) return;
  const detail = ` (${requests} requests)`;
  const shares = statusClasses.map((name, index) => ({
    name,
    share: (classes[index] ?? 0) / requests,
  }));
  for (const { name, share } of shares) {
    const bounds = name === 'other' ? undefined : expected.status?.[name];
    yield* outside(share, bounds, { name: `${name}${of}`, write: percent, detail });
    if (name === '5xx')
      yield* outside(share, expected.errors, { name: `errors${of}`, write: percent, detail });
  }
  yield* tooSlow(durations, expected.time, { name: `time${of}`, detail });
  yield* tooSlow(upstreams, expected.upstream, { name: `upstream time${of}`, detail });
}

function* tooSlow(
  durations: Uint32Array,
  limits: RequestExpectations['time'],
  { name, detail }: { readonly name: string; readonly detail: string },
): Generator<string> {
  for (const [quantile, share] of Object.entries({ p50: 0.5, p95: 0.95, p99: 0.99 } as const)) {
    const ms = quantileMs(durations, share) ?? Number.NaN;
    const max = quantile === 'p50' ? limits?.p50 : quantile === 'p95' ? limits?.p95 : limits?.p99;
    yield* outside(ms, { max }, { name: `${quantile} ${name}`, write: milliseconds, detail });
  }
}

interface Wording {
  readonly name: string;
  readonly write?: (value: number) => string;
  readonly detail?: string;
}

/** NaN, a share or quantile of nothing, is outside of no bounds. */
function* outside(value: number, bounds: Bounds | undefined, wording: Wording): Generator<string> {
  const { min, max } = bounds ?? {};
  const { name, write = String, detail = '' } = wording;
  const found = `${name} ${write(value)}${detail}`;
  if (max !== undefined && value > max) yield `${found}, expected at most ${write(max)}`;
  if (min !== undefined && value < min) yield `${found}, expected at least ${write(min)}`;
}

/** What of a configured number meets its thresholds; NaN where there is none. */
function numberOf(as: JudgedValue['as'], gain: ValueGain | undefined): number {
  if (gain === undefined) return Number.NaN;
  switch (as) {
    case 'counter':
      return gain.sum;
    case 'gauge':
      return gain.last ?? Number.NaN;
    case 'histogram':
      return gain.sum / gain.count;
  }
}

/** With a backlog, the newest line that was read says nothing of the newest line there is. */
function caughtUp({ backlogBytes }: LogReading): boolean {
  return backlogBytes < 1024 ** 2;
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}

function milliseconds(ms: number): string {
  return `${Math.round(ms)} ms`;
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`;
}
