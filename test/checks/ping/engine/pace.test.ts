import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Pace } from '#checks/ping/engine/pace';

test('never lets more through than the rate and one small burst, nor less than the rate', () => {
  const rate = fc.integer({ min: 1, max: 100_000 });
  const steps = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(rate, steps, (perSecond, stepsMs) => {
      const pace = new Pace(perSecond);
      const burst = 1 + perSecond / 20;
      let [nowMs, sent] = [50_000, 0];
      for (const stepMs of stepsMs) {
        nowMs += stepMs;
        const allowed = pace.allowance(nowMs);
        pace.spend(allowed);
        sent += allowed;
        const earned = ((nowMs - 50_000) * perSecond) / 1000;
        expect(sent).toBeLessThanOrEqual(earned + burst);
        expect(sent).toBeGreaterThan(earned - 1 - 1e-6);
      }
    }),
  );
});

test('what is not spent is not lost, but does not pile up either', () => {
  const pace = new Pace(1000);
  pace.spend(pace.allowance(0));
  expect(pace.allowance(10)).toBe(10);
  pace.spend(4);
  expect(pace.allowance(20)).toBe(16);
  expect(pace.allowance(3_600_000)).toBe(51);
});
