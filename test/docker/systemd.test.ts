import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { needs } from '../support/needs.ts';

const folder = join(import.meta.dirname, '../../docker/systemd');

needs('systemd-analyze')('systemd', () => {
  test.each(['farpoint-agent.service', 'farpoint-collector.service'])(
    'understands %s, and calls its exposure low',
    (name) => {
      const directory = mkdtempSync(join(tmpdir(), 'farpoint-systemd-'));
      try {
        const unit = join(directory, name);
        // Here the program is somewhere else.
        writeFileSync(unit, readFileSync(join(folder, name), 'utf8').replace('/usr/local/bin/farpoint', '/bin/true'));
        const complaints = execFileSync('sh', ['-c', `systemd-analyze verify '${unit}' 2>&1`], { encoding: 'utf8' });
        expect(complaints.split('\n').filter((line) => line.includes(name))).toEqual([]);
        const security = execFileSync('systemd-analyze', ['security', '--offline=true', '--no-pager', unit], {
          encoding: 'utf8',
        });
        const exposure = Number(/exposure level for \S+: ([\d.]+)/.exec(security)?.[1]);
        expect(exposure).toBeLessThan(2);
      } finally {
        rmSync(directory, { recursive: true });
      }
    },
  );
});
