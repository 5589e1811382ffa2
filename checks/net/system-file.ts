import { readFileSync, statSync } from 'node:fs';

const cache = new Map<string, { readonly version: string; readonly text: string }>();

/**
 * The text of a small file of the system, read again only when it has changed; empty when there is
 * none. Synchronous on purpose: a look at two small files costs microseconds, and the thread pool,
 * which a hanging disk can fill, stays out of the probe's way.
 */
export function readSystemFile(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return '';
  const version = `${stat.ino} ${stat.size} ${stat.mtimeMs}`;
  const known = cache.get(path);
  if (known?.version === version) return known.text;
  const text = readFileSync(path, 'utf8');
  cache.set(path, { version, text });
  return text;
}
