import { open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory, syncDirectory } from '#lib/durable-directory';

const filesMax = 1000;

/** One request that no collector takes. */
export interface Offender {
  readonly outbox: string;
  readonly position: number;
  readonly kind: 'metrics' | 'logs';
  readonly body: Uint8Array;
}

/**
 * Sets a request aside as a file beside the outbox, so that it neither blocks what comes after it nor
 * is lost: an OTLP export request that can be posted again as it is. Resolves to the file's path once it
 * is on disk. Of more than a thousand files the oldest go.
 */
export async function quarantine(directory: string, offender: Offender): Promise<string> {
  const { outbox, position, kind, body } = offender;
  await makeDirectory(directory);
  const number = String(position).padStart(15, '0');
  const path = join(directory, `${number}-${outbox.slice(0, 8)}.${kind}.otlp`);
  await using file = await open(path, 'w');
  await file.writeFile(body);
  await file.sync();
  await syncDirectory(directory);
  const files = (await readdir(directory)).toSorted();
  for (const old of files.slice(0, -filesMax)) await rm(join(directory, old), { force: true });
  return path;
}
