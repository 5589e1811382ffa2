import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { LoopDelay } from '#agent/runs/loop-delay';
import { createSystemClock } from '#lib/clock';

function block(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

test('a blocked event loop is known at once, and adds up', async () => {
  using delay = new LoopDelay(createSystemClock());
  await setTimeout(50);
  const beforeMs = delay.blockedMs();
  block(120);
  expect(delay.blockedMs() - beforeMs).toBeGreaterThanOrEqual(95);
  await setTimeout(50);
  block(60);
  await setTimeout(50);
  expect(delay.blockedMs() - beforeMs).toBeGreaterThanOrEqual(95 + 35);
});
