import { mkdtempDisposable, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { syncedFolders } from '../../support/disks/synced-folders.ts';
import { needs } from '../../support/needs.ts';

needs('strace')('as the kernel is asked', () => {
  test('the name of a file that is set aside is on disk before its results leave the outbox', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'farpoint-quarantine-'));
    const directory = join(folder.path, 'quarantine');
    const offender = { outbox: 'outbox', position: 1, kind: 'metrics', body: 'refused' };
    const synced = await syncedFolders(
      '#agent/export/quarantine',
      'quarantine',
      directory,
      offender,
    );
    expect(synced).toEqual([folder.path, directory]);
    expect(await readdir(directory)).toEqual(['000000000000001-outbox.metrics.otlp']);
  });
});
