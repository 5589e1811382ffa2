/** Writes everything that is generated. A test fails while a committed file differs. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { generated } from './generated.ts';

for (const [file, text] of Object.entries(generated)) {
  const path = join(import.meta.dirname, '..', file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text());
  console.log(file);
}
