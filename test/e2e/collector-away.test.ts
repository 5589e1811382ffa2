import { expect, test } from 'vitest';
import { collectorAway } from '../support/deployments/collector-away.ts';

test(
  'while the collector is away the agent keeps checking, and all of it arrives in order',
  { timeout: 90_000 },
  async () => {
    const report = await collectorAway(8000);
    expect(report.runsWhileAway).toBeGreaterThanOrEqual(7);
    expect(report.backlog).toBeGreaterThanOrEqual(7);
    expect(report.outOfOrder).toBe(0);
    expect(report.arrived).toBe(report.completed);
  },
);
