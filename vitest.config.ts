import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** What starts whole deployments and waits for them goes first: the rest runs beside it, not before it. */
class DeploymentsFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const deployments = /\/test\/(e2e|docker|demo)\//;
    return sorted.toSorted(
      (a, b) => Number(deployments.test(b.moduleId)) - Number(deployments.test(a.moduleId)),
    );
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/needs/closing-table.ts'],
    sequence: { sequencer: DeploymentsFirst },
    pool: 'forks',
    // Most of the time is spent waiting, for intervals and deadlines.
    maxWorkers: 3,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
