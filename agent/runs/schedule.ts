import { hash } from 'node:crypto';
import { createTask, parse } from 'node-cron';
import { bisect } from '#lib/bisect';
import type { Schedule } from '#lib/fleet';
import type { CheckPlan } from '../plan.ts';

/*
 * When a target is due. Nothing here knows what time it is.
 *
 * Intervals are counted from the Unix epoch, shifted by a phase that only depends on what is checked
 * and from where: restarts neither herd nor shift anything. Agents in N regions share the hash and are
 * spread over the interval by their region's index, so together they see the target N times as often,
 * evenly.
 *
 * Cron expressions hold as written, in their time zone, for every region alike. When the clocks go back
 * a local time that comes twice is due twice, and when they go forward one that does not exist is not.
 */

/** The moments at which one target is due, in Unix milliseconds. */
export interface Timetable {
  /** The first moment after `unixMs`; Infinity when there is none. */
  nextAfter(unixMs: number): number;
  /** Those after `unixMs`, up to and including `throughUnixMs`. */
  within(unixMs: number, throughUnixMs: number): Moments;
}

export interface Moments {
  /** Of cron at most 1,000. */
  readonly count: number;
  /** The last moment; where more than could be counted, the end of the time that was asked for. */
  readonly last: number | undefined;
}

const quarterMs = 15 * 60_000;
const dayMs = 24 * 3_600_000;
/** Leap days are at most eight years apart. */
const horizonMs = 9 * 366 * dayMs;
/** Each has to be looked for, some milliseconds long. */
const countedMax = 1000;
const knownMax = 2 * countedMax;

/** All targets of a check are due at the same moments of cron: what is found for one all know. */
const cronTimetables = new WeakMap<Schedule, Timetable>();

export function createTimetable(plan: CheckPlan): Timetable {
  const { schedule } = plan;
  if (!('cron' in schedule)) return createIntervalTimetable(schedule.everyMs, phaseOf(plan));
  const { cron, timezone = 'UTC' } = schedule;
  const timetable = cronTimetables.get(schedule) ?? createCronTimetable(cron, timezone);
  cronTimetables.set(schedule, timetable);
  return timetable;
}

/** How long a run may be overdue, beside its deadline, before the verdict of the one before it is stale. */
const graceMs = 60_000;

/** Until when the verdict of the run that was due at `dueUnixMs` holds unless a newer one arrives. */
export function validUntil(timetable: Timetable, dueUnixMs: number, timeoutMs: number): number {
  return timetable.nextAfter(dueUnixMs) + timeoutMs + graceMs;
}

/** Where in its interval a target is due, from 0 up to 1. */
function phaseOf({ check, target, regionIndex, regionCount }: CheckPlan): number {
  const bits = hash('sha256', `${check}\n${target}`).slice(0, 12);
  return (Number.parseInt(bits, 16) / 2 ** 48 + regionIndex / regionCount) % 1;
}

function createIntervalTimetable(everyMs: number, phase: number): Timetable {
  const offsetMs = Math.floor(everyMs * phase);
  const turnsUntil = (unixMs: number): number => Math.floor((unixMs - offsetMs) / everyMs);
  return {
    nextAfter: (unixMs) => (turnsUntil(unixMs) + 1) * everyMs + offsetMs,
    within(unixMs, throughUnixMs) {
      const turns = turnsUntil(throughUnixMs);
      const count = Math.max(0, turns - turnsUntil(unixMs));
      return { count, last: count === 0 ? undefined : turns * everyMs + offsetMs };
    },
  };
}

/**
 * Searches with node-cron's matcher, from coarse to fine: days of UTC, then the quarters of an hour
 * (no zone's offset is finer), then seconds.
 */
function createCronTimetable(expression: string, timezone: string): Timetable {
  const fields = expression.trim().split(/\s+/);
  const [hour = '*', ...date] = fields.slice(-4);
  const exact = createMatcher(fields.join(' '), timezone);
  const atHour = createMatcher(['*', '*', hour, ...date].join(' '), timezone);
  const onDate = createMatcher(['*', '*', '*', ...date].join(' '), 'UTC');
  const seconds = parse(expression).second.toSorted((left, right) => left - right);

  /** The local date of a moment is the date of UTC, the one before or the one after. */
  function mayMatch(dayUnixMs: number): boolean {
    return [0, -dayMs, dayMs].some((shiftMs) => onDate(dayUnixMs + shiftMs));
  }

  function firstWithin(quarterUnixMs: number, afterUnixMs: number): number | undefined {
    for (let minute = 0; minute < 15; minute += 1) {
      for (const second of seconds) {
        const unixMs = quarterUnixMs + minute * 60_000 + second * 1000;
        if (unixMs > afterUnixMs && exact(unixMs)) return unixMs;
      }
    }
    return undefined;
  }

  function search(unixMs: number): number {
    const endUnixMs = unixMs + horizonMs;
    for (let at = Math.floor(unixMs / quarterMs) * quarterMs; at < endUnixMs;) {
      const dayUnixMs = at - (at % dayMs);
      if (!mayMatch(dayUnixMs)) {
        at = dayUnixMs + dayMs;
        continue;
      }
      const found = atHour(at) ? firstWithin(at, unixMs) : undefined;
      if (found !== undefined) return found;
      at += quarterMs;
    }
    return Infinity;
  }

  /** Times in which nothing is due, each up to the moment at its end; in order. */
  const gaps: Gap[] = [];

  function nextAfter(unixMs: number): number {
    const index = bisect(gaps.length, (at) => (gaps[at]?.endUnixMs ?? Infinity) <= unixMs);
    const gap = gaps[index];
    if (gap !== undefined && gap.startUnixMs <= unixMs) return gap.endUnixMs;
    const endUnixMs = search(unixMs);
    if (gap?.endUnixMs === endUnixMs) gap.startUnixMs = unixMs;
    else gaps.splice(index, 0, { startUnixMs: unixMs, endUnixMs });
    if (gaps.length > knownMax) gaps.shift();
    return endUnixMs;
  }

  function within(unixMs: number, throughUnixMs: number): Moments {
    let last: number | undefined;
    for (let count = 0; count < countedMax; count += 1) {
      const next = nextAfter(last ?? unixMs);
      if (next > throughUnixMs) return { count, last };
      last = next;
    }
    return { count: countedMax, last: throughUnixMs };
  }

  return { nextAfter, within };
}

interface Gap {
  startUnixMs: number;
  readonly endUnixMs: number;
}

function createMatcher(expression: string, timezone: string): (unixMs: number) => boolean {
  const task = createTask(expression, () => undefined, { timezone });
  return (unixMs) => task.match(new Date(unixMs));
}
