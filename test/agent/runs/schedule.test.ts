import * as fc from 'fast-check';
import { createTask } from 'node-cron';
import { describe, expect, test } from 'vitest';
import { createTimetable, validUntil } from '#agent/runs/schedule';
import { planOf } from '../../support/agent/plans.ts';

const moment = fc.double({ min: 1.6e12, max: 2e12, noNaN: true });
const interval = fc.integer({ min: 100, max: 86_400_000 });
const name = fc.string({ minLength: 1 });

describe('interval', () => {
  test('the next moment is ahead by at most the interval, and the ones after it follow evenly', () => {
    fc.assert(
      fc.property(interval, name, moment, (everyMs, check, unixMs) => {
        const timetable = createTimetable(planOf({ check, schedule: { everyMs } }));
        const next = timetable.nextAfter(unixMs);
        expect(next).toBeGreaterThan(unixMs);
        expect(next - unixMs).toBeLessThanOrEqual(everyMs);
        expect(timetable.nextAfter(next)).toBe(next + everyMs);
      }),
    );
  });

  test('a restart shifts nothing', () => {
    fc.assert(
      fc.property(interval, name, moment, (everyMs, target, unixMs) => {
        const plan = planOf({ target, schedule: { everyMs } });
        const next = createTimetable(plan).nextAfter(unixMs);
        expect(createTimetable(plan).nextAfter(next - 0.5)).toBe(next);
      }),
    );
  });

  test('N regions see a target N times as often, evenly', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), name, moment, (regionCount, check, unixMs) => {
        const everyMs = 60_000;
        const due = Array.from({ length: regionCount }, (_, regionIndex) =>
          createTimetable(
            planOf({ check, regionIndex, regionCount, schedule: { everyMs } }),
          ).nextAfter(unixMs),
        ).toSorted((left, right) => left - right);
        const gaps = due.map((at, index) => (due[index + 1] ?? due[0]! + everyMs) - at);
        for (const gap of gaps)
          expect(Math.abs(gap - everyMs / regionCount)).toBeLessThanOrEqual(1);
      }),
    );
  });

  test('targets are spread over the interval: no tenth of it has half as many again as its share', () => {
    const everyMs = 30_000;
    const tenths = Array.from({ length: 10 }, () => 0);
    for (let index = 0; index < 1000; index += 1) {
      const target = `https://host-${index}.example.net/`;
      const due = createTimetable(planOf({ target, schedule: { everyMs } })).nextAfter(0);
      const tenth = Math.floor(((due % everyMs) / everyMs) * 10);
      tenths[tenth] = (tenths[tenth] ?? 0) + 1;
    }
    expect(Math.max(...tenths)).toBeLessThan(150);
    expect(Math.min(...tenths)).toBeGreaterThan(50);
  });
});

describe('cron', () => {
  function nextRuns(cron: string, timezone: string, from: string, count: number): string[] {
    const timetable = createTimetable(planOf({ schedule: { cron, timezone } }));
    const runs: string[] = [];
    let at = Date.parse(from);
    while (runs.length < count) {
      at = timetable.nextAfter(at);
      runs.push(new Date(at).toISOString());
    }
    return runs;
  }

  test('holds in its time zone, summer and winter', () => {
    expect(nextRuns('0 3 * * *', 'Europe/Berlin', '2026-03-28T00:00:00Z', 2)).toEqual([
      '2026-03-28T02:00:00.000Z',
      '2026-03-29T01:00:00.000Z',
    ]);
  });

  test('an hour that comes twice has its runs twice, without a gap', () => {
    const runs = nextRuns('*/20 * * * *', 'Europe/Berlin', '2026-10-24T23:50:00Z', 7);
    const times = runs.map((run) => Date.parse(run));
    for (const [index, time] of times.slice(1).entries()) expect(time - times[index]!).toBe(1.2e6);
  });

  test('a local time that does not exist is left out', () => {
    expect(nextRuns('30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z', 1)).toEqual([
      '2026-03-30T00:30:00.000Z',
    ]);
  });

  test('leap days, seconds in any order, and odd offsets', () => {
    expect(nextRuns('0 0 29 2 *', 'UTC', '2026-01-01T00:00:00Z', 2)).toEqual([
      '2028-02-29T00:00:00.000Z',
      '2032-02-29T00:00:00.000Z',
    ]);
    expect(nextRuns('30,10 * * * * *', 'UTC', '2026-01-01T00:00:00Z', 3)).toEqual([
      '2026-01-01T00:00:10.000Z',
      '2026-01-01T00:00:30.000Z',
      '2026-01-01T00:01:10.000Z',
    ]);
    expect(nextRuns('0 0 * * *', 'Asia/Kathmandu', '2026-01-01T00:00:00Z', 1)).toEqual([
      '2026-01-01T18:15:00.000Z',
    ]);
  });

  test('finds what stepping through every minute finds', () => {
    const field = (max: number): fc.Arbitrary<string> =>
      fc.oneof(
        fc.constant('*'),
        fc.integer({ min: 1, max }).map(String),
        fc.integer({ min: 1, max }).map((step) => `*/${step}`),
      );
    const expression = fc
      .tuple(field(59), field(23), fc.constant('*'), fc.constant('*'), field(6))
      .map((fields) => fields.join(' '));
    const zone = fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata');
    const start = fc.integer({ min: 1.75e12, max: 1.85e12 });
    fc.assert(
      fc.property(expression, zone, start, (cron, timezone, unixMs) => {
        const found = createTimetable(planOf({ schedule: { cron, timezone } })).nextAfter(unixMs);
        const task = createTask(cron, () => undefined, { timezone });
        const endMs = Math.min(found, unixMs + 4 * 3_600_000);
        const firstMinute = Math.ceil((unixMs + 1) / 60_000) * 60_000;
        for (let at = firstMinute; at < endMs; at += 60_000) {
          expect(task.match(new Date(at)), new Date(at).toISOString()).toBe(false);
        }
        expect(task.match(new Date(found))).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  test('what was found for one target holds for all of its check, in whatever order they ask', () => {
    const expression = fc.constantFrom('*/7 3-5 * * *', '0 2 * * *', '15,45 * * * * *');
    const asked = fc.array(fc.double({ min: 0, max: 3 * 86_400_000, noNaN: true }));
    fc.assert(
      fc.property(expression, moment, asked, (cron, unixMs, offsets) => {
        const schedule = { cron, timezone: 'Europe/Berlin' };
        for (const offsetMs of offsets) {
          const next = createTimetable(planOf({ schedule })).nextAfter(unixMs + offsetMs);
          const alone = createTimetable(planOf({ schedule: { ...schedule } }));
          expect(next).toBe(alone.nextAfter(unixMs + offsetMs));
        }
      }),
      { numRuns: 30 },
    );
  });

  test('a thousand targets that ask all day do not search all day', () => {
    const schedule = { cron: '0 0 29 2 *', timezone: 'UTC' };
    const startUnixMs = Date.parse('2026-01-01T00:00:00Z');
    for (let minute = 0; minute < 1440; minute += 1) {
      const timetable = createTimetable(planOf({ schedule }));
      for (let target = 0; target < 1000; target += 1) {
        const next = timetable.nextAfter(startUnixMs + minute * 60_000 + target / 7);
        if (next !== Date.parse('2028-02-29T00:00:00Z')) throw new Error(String(next));
      }
    }
  });
});

test('moments are counted as stepping from one to the next counts them', () => {
  const schedule = fc.oneof(
    interval.map((everyMs) => ({ everyMs })),
    fc
      .constantFrom('*/7 3-5 * * *', '0 2 * * *', '15,45 * * * * *')
      .map((cron) => ({ cron, timezone: 'Europe/Berlin' })),
  );
  const hours = fc.double({ min: -2, max: 48, noNaN: true });
  fc.assert(
    fc.property(schedule, moment, hours, (schedule, unixMs, hours) => {
      const timetable = createTimetable(planOf({ schedule }));
      const throughUnixMs = unixMs + hours * 3_600_000;
      const moments: number[] = [];
      for (let at = unixMs; (at = timetable.nextAfter(at)) <= throughUnixMs;) moments.push(at);
      const counted = timetable.within(unixMs, throughUnixMs);
      const isCut = 'cron' in schedule && moments.length > 1000;
      const [count, last] = isCut ? [1000, throughUnixMs] : [moments.length, moments.at(-1)];
      expect(counted).toEqual({ count, last });
    }),
  );
});

test('a verdict holds until the next run could have told, and a minute longer', () => {
  const timetable = createTimetable(planOf({ schedule: { everyMs: 30_000 } }));
  const due = timetable.nextAfter(1.7e12);
  expect(validUntil(timetable, due, 10_000)).toBe(due + 30_000 + 10_000 + 60_000);
});
