import { expect, test } from 'vitest';
import { agentKillLoop } from '../support/deployments/agent-kill-loop.ts';

test(
  '8 kills of an agent: no result is lost or repeated, and every line of its log counts once',
  { timeout: 240_000 },
  async () => {
    const report = await agentKillLoop(8, 20_261_122);
    expect(report.flaws).toEqual([]);
    expect(report.results).toBeGreaterThan(50);
    expect(report.linesWritten).toBeGreaterThan(100);
    expect(report.linesCounted).toBe(report.linesWritten);
  },
);
