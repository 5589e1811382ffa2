import { expect, test } from 'vitest';
import { killLoop } from '../support/deployments/kill-loop.ts';
import { needs } from '../support/needs.ts';

needs('nginx', 'victoria-metrics')('kill -9', () => {
  test(
    '20 kills of agent and collector lose and double nothing',
    { timeout: 180_000 },
    async () => {
      const report = await killLoop(20, 20_261_122);
      expect(report.acknowledged).toBeGreaterThan(1000);
      expect(report.lost).toEqual([]);
      expect(report.doubled).toEqual([]);
    },
  );
});
