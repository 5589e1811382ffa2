import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { eventually } from '#test/support/eventually';
import { Farpoint } from '#test/support/farpoint';
import { needs } from '#test/support/needs';
import { temporaryFolder } from '#test/support/temporary-folder';

needs('linux')('where processors are short', () => {
  test('the thread that reads logs comes last, and nothing else does', async () => {
    using folder = temporaryFolder();
    const log = join(folder.path, 'access.log');
    const configuration = join(folder.path, 'agent.yaml');
    writeFileSync(log, '');
    writeFileSync(
      configuration,
      `version: 1
agent: { region: eu, data: '${join(folder.path, 'data')}' }
collector: { urls: ['http://127.0.0.1:1'] }
regions: [eu]
checks: [{ name: access, type: log, service: s, target: '${log}', every: 1s, format: { preset: nginx-combined } }]
`,
    );
    await using agent = Farpoint.start(['agent', '-c', configuration]);
    const last = getPriority() + 10;
    const threads = await eventually('a thread that comes last', () => {
      const { [agent.pid]: main, ...others } = nicenessOfThreads(agent.pid);
      return Object.values(others).includes(last) && { main, others: Object.values(others) };
    });
    expect(threads.main).toBe(getPriority());
    expect(threads.others.filter((niceness) => niceness !== getPriority())).toEqual([last]);
  });
});

/** By thread: field 19 of proc_pid_stat(5), the second being a name in parentheses. */
function nicenessOfThreads(pid: number): Readonly<Record<string, number>> {
  const threads = `/proc/${pid}/task`;
  const read = (thread: string): number => {
    const stat = readFileSync(join(threads, thread, 'stat'), 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]);
  };
  return Object.fromEntries(readdirSync(threads).map((thread) => [thread, read(thread)]));
}
