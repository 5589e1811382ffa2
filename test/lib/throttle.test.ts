import { expect, test } from 'vitest';
import { Throttle } from '#lib/throttle';
import { ManualClock } from '../support/clocks/manual-clock.ts';

test('of each thing the first goes through, and the next when the interval has passed', async () => {
  const clock = new ManualClock();
  const throttle = new Throttle(1000, clock);
  expect([throttle.admits('a'), throttle.admits('a'), throttle.admits('b')]).toEqual([
    true,
    false,
    true,
  ]);
  await clock.advance(999);
  expect(throttle.admits('a')).toBe(false);
  await clock.advance(1);
  expect(throttle.admits('a')).toBe(true);
});

test('a wall clock that was put back silences nothing', async () => {
  const clock = new ManualClock();
  const throttle = new Throttle(1000, clock);
  throttle.admits();
  clock.step(-86_400_000);
  await clock.advance(1000);
  expect(throttle.admits()).toBe(true);
});

test('after a reset the next one goes through', () => {
  const throttle = new Throttle(1000, new ManualClock());
  throttle.admits();
  throttle.reset();
  expect(throttle.admits()).toBe(true);
});
