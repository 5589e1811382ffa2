import { mkdtempSync, readFileSync, rmSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runFarpoint } from '../support/run-farpoint.ts';

const generated = join(import.meta.dirname, '../../grafana/generated');

test('writes what is committed, and policies only when asked', () => {
  const out = mkdtempSync(join(tmpdir(), 'farpoint-grafana-'));
  try {
    const { code, output } = runFarpoint(['grafana', '--out', out]);
    expect(code).toBe(0);
    const files = output.trim().split('\n');
    expect(files.length).toBeGreaterThan(8);
    for (const file of files) {
      const committed = file.replace(out, generated);
      expect(readFileSync(file, 'utf8')).toBe(readFileSync(committed, 'utf8'));
    }
    const policies = join(out, 'provisioning/alerting/farpoint-policies.yaml');
    expect(existsSync(policies)).toBe(false);
    expect(runFarpoint(['grafana', '--out', out, '--policies']).code).toBe(0);
    expect(existsSync(policies)).toBe(true);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
});

test.each([
  [['--objective', '100'], '--objective wants per cent'],
  [['--lookback', 'long'], '--lookback wants a duration'],
])('refuses %j', (options, message) => {
  const { code, errors } = runFarpoint(['grafana', '--out', 'unused', ...options]);
  expect(code).toBe(2);
  expect(errors).toContain(message);
});
