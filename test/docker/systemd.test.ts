import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { newKey } from '#lib/key';
import { allowedSystemCalls } from '../support/containers/system-calls.ts';
import { eventually } from '../support/eventually.ts';
import { Farpoint, program } from '../support/farpoint.ts';
import { needs } from '../support/needs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

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

needs('systemd-analyze', 'strace')('the unit of the agent', () => {
  test('allows every system call of an agent that reads a log', async () => {
    using temporary = temporaryFolder();
    const counts = join(temporary.path, 'counts');
    const log = join(temporary.path, 'access.log');
    writeFileSync(log, 'no access log\n');
    writeFileSync(
      join(temporary.path, 'agent.yaml'),
      `version: 1
agent: { region: eu, data: '${join(temporary.path, 'data')}' }
collector: { urls: ['http://127.0.0.1:9'], key: '${newKey('eu').text}' }
regions: [eu]
defaults: { every: 1s, timeout: 900ms, service: shop }
checks:
  - { name: log, type: log, target: '${log}', start: beginning }
`,
    );
    const strace = ['strace', '-D', '-f', '-c', '-o', counts];
    const command = [process.execPath, program, 'agent', '-c', join(temporary.path, 'agent.yaml')];
    await using agent = Farpoint.startOther([...strace, ...command]);
    await eventually('a log that is read', () => nicenesses(agent.pid).includes(10));
    await agent.stop();
    await eventually('the counts', () => existsSync(counts) && readFileSync(counts, 'utf8').includes('total'));
    const called = Array.from(readFileSync(counts, 'utf8').matchAll(/^ .* ([a-z]\w+)$/gm), ([, name]) => name ?? '');
    expect(called).toContain('setpriority');
    const allowed = allowedSystemCalls(readFileSync(join(folder, 'farpoint-agent.service'), 'utf8'));
    expect(called.filter((name) => !allowed.has(name) && name !== 'total')).toEqual([]);
  });
});

/** Of the threads of a process: proc_pid_stat(5). */
function nicenesses(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).map((thread) => {
    const [, behindName = ''] = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8').split(') ');
    return Number(behindName.split(' ')[16]);
  });
}
