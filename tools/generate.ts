/** Writes everything that is generated. A test fails while a committed file differs. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generated } from './generated.ts';

for (const [file, text] of Object.entries(generated)) {
  writeFileSync(join(import.meta.dirname, '..', file), text());
  console.log(file);
}
