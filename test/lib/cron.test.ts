import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { cronGapMs, cronMistake, cronRunsPerDay } from '#lib/cron';

const minuteMs = 60_000;
const dayMs = 86_400_000;
const cronCharacters = '0123456789*/,-@ adMON'.split('');

test.each([
  ['* * * * *', minuteMs, 1440],
  ['*/5 * * * *', 5 * minuteMs, 288],
  ['0 3 * * *', dayMs, 1],
  ['0 3 * * 1-5', dayMs, 1],
  ['@hourly', 60 * minuteMs, 24],
  ['*/10 * * * * *', 10_000, 8640],
  // Within an hour there are 50 minutes between the runs, and over midnight ten hours.
  ['0,50 14 * * *', 50 * minuteMs, 2],
  ['50 23 * * *', dayMs, 1],
  ['0,59 0,23 * * *', minuteMs, 4],
])('%s runs %i ms apart, %i times a day', (expression, gapMs, runs) => {
  expect(cronMistake(expression)).toBeUndefined();
  expect(cronGapMs(expression)).toBe(gapMs);
  expect(cronRunsPerDay(expression)).toBe(runs);
});

test.each([
  ['61 * * * *', /^the minute is not possible/],
  ['0 0 31 2 *', /^the day of month is not possible/],
  ['* * *', /expected 5 or 6 fields but got 3$/],
  ['', /expected a cron expression/],
  ['every day', /expected a cron expression/],
])('%j is a mistake', (expression, message) => {
  expect(cronMistake(expression)).toMatch(message);
});

test('no text makes validation throw', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...cronCharacters) }), (text) => {
      const mistake = cronMistake(text);
      if (mistake === undefined) expect(cronGapMs(text)).toBeGreaterThan(0);
      else expect(mistake).not.toBe('');
    }),
    { numRuns: 500 },
  );
});
