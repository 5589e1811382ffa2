import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Runs before the first test: gives `needs` a place to note what is missing. */
export function setup(): void {
  process.env['FARPOINT_TEST_MISSING'] = join(
    mkdtempSync(join(tmpdir(), 'farpoint-needs-')),
    'missing',
  );
}

/** Runs after the last test: one table of what tests were skipped for, and how to get it. */
export function teardown(): void {
  const file = process.env['FARPOINT_TEST_MISSING'] ?? '';
  if (existsSync(file)) {
    const lines = new Set(readFileSync(file, 'utf8').trim().split('\n'));
    const rows = [...lines].sort().map((line) => line.split('\t'));
    const width = Math.max(...rows.map(([name = '']) => name.length));
    const table = rows.map(([name = '', remedy = '']) => `  ${name.padEnd(width)}  ${remedy}`);
    process.stdout.write(`\nSkipped, because something is missing here:\n${table.join('\n')}\n`);
  }
  rmSync(join(file, '..'), { recursive: true, force: true });
}
