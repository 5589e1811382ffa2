import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Farpoint } from '../support/farpoint.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const configurations = {
  agent: (data: string) => `version: 1
agent: { region: eu, data: '${data}' }
collector: { urls: ['http://127.0.0.1:9'] }
regions: [eu]
checks: [{ name: near, type: tcp, service: s, target: '127.0.0.1:9' }]
`,
  collector: (data: string) => `version: 1
listen: 127.0.0.1:0
data: ${data}
keys: [{ id: stranger, sha256: ${'a'.repeat(64)} }]
sinks: [{ name: history, type: history }]
`,
};

test.for(['agent', 'collector'] as const)(
  'an %s whose data folder can keep nothing says so, with the remedy, and ends',
  async (command) => {
    using folder = temporaryFolder();
    const file = join(folder.path, 'configuration.yaml');
    const taken = join(folder.path, 'taken');
    writeFileSync(taken, '');
    const expected = [
      // Where Node.js by itself would try to make a folder for ever.
      ['/proc/farpoint/data', /, where this file system makes no folders: name one on a disk: E/],
      [taken, /, for a file is in the way: remove it, or name another folder: EEXIST/],
    ] as const;
    for (const [data, remedy] of expected) {
      writeFileSync(file, configurations[command](data));
      await using started = Farpoint.start([command, '-c', file]);
      expect(await started.exited()).toBe(2);
      expect(started.output).toMatch(/^farpoint: cannot use the data folder .*\n$/);
      expect(started.output).toMatch(remedy);
    }
  },
);
