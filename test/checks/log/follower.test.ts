import { describe, expect, it } from 'vitest';
import { runSchedule } from '#test/support/log-schedule';
import { losslessRotations, lossyRotations } from '#test/support/log-world';

/** test/campaign/log.ts runs more of the same. */
const schedulesEach = 100;
const seed = 1;

describe('every line is accounted for', () => {
  it.each(losslessRotations)('exactly once: %s', async (rotation) => {
    expect(await violations(rotation)).toEqual([]);
  });
});

describe('no line is counted twice, and no more reported lost than was', () => {
  it.each(lossyRotations)('%s', async (rotation) => {
    expect(await violations(rotation)).toEqual([]);
  });
});

async function violations(rotation: Parameters<typeof runSchedule>[0]): Promise<string[]> {
  const found: string[] = [];
  for (let index = 0; index < schedulesEach; index++) {
    for (const violation of await runSchedule(rotation, seed + index)) {
      found.push(`seed ${seed + index}: ${violation}`);
    }
  }
  return found;
}
