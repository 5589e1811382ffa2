import { mkdtempDisposable, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { syncedFolders } from '../support/disks/synced-folders.ts';
import { needs } from '../support/needs.ts';

needs('strace')('as the kernel is asked', () => {
  test('every folder that is made, and not only the first, is synced into the one above it', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'farpoint-directory-'));
    const data = join(folder.path, 'data');
    const agent = join(data, 'agent');
    expect(await madeBy(join(agent, 'outbox'))).toEqual([agent, data, folder.path]);
    expect((await stat(join(agent, 'outbox'))).mode & 0o777).toBe(0o700);
    expect(await madeBy(join(agent, 'quarantine'))).toEqual([agent]);
    expect(await madeBy(join(agent, 'outbox'))).toEqual([]);
  });
});

function madeBy(path: string): Promise<readonly string[]> {
  return syncedFolders('#lib/durable-directory', 'makeDirectory', path);
}
