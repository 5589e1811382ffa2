import { closeSync, openSync, writeSync } from 'node:fs';
import { parseLogFormat, presets } from '#checks/log/parser/format';
import type { ReaderSettings } from '#checks/log/reader-settings';
import { randomFrom } from '../random.ts';

/** How a log that `writeAccessLog` wrote is read: from its beginning, in large slices. */
export function accessLogSettings(target: string, windowMs: number): ReaderSettings {
  return {
    target,
    rotated: [],
    format: parseLogFormat(`${presets['nginx-combined']} $request_time`),
    routes: [],
    values: [],
    start: 'beginning',
    lineBytesMax: 65_536,
    clientsMax: 1_000_000,
    windowMs,
    missingGraceMs: 0,
    sliceBytes: 2 ** 20,
  };
}

/**
 * Writes a log in the combined format with the request time, of at least so many bytes: by default
 * 200,000 clients, of which 2 % have IPv6; half a dozen kinds of pages.
 */
export function writeAccessLog(path: string, size: number, clientsMax = 200_000): void {
  const random = randomFrom(1);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const clients = Array.from({ length: clientsMax }, (_, index) =>
    index % 50 === 0
      ? `2001:db8::${index.toString(16)}`
      : [10, index >> 16, (index >> 8) & 255, index & 255].join('.'),
  );
  const pages = [
    '/',
    '/api/v1/users/17',
    '/static/js/app.1f3.js',
    '/images/a.png?w=640',
    '/search?q=term%20term',
  ];
  const agents = [
    'curl/7.88.1',
    '-',
    `Mozilla/5.0 (X11; Linux x86_64) ${'AppleWebKit/537.36 (KHTML, like Gecko) '.repeat(2)}Safari/537.36`,
  ];
  const descriptor = openSync(path, 'w');
  for (let written = 0, second = 0; written < size; second++) {
    const lines = Array.from({ length: 400 }, () => {
      const client = clients[Math.floor(random() ** 3 * clients.length)];
      const time = `22/Nov/2026:${[second / 3600, (second / 60) % 60, second % 60].map((part) => String(Math.floor(part) % 60).padStart(2, '0')).join(':')} +0000`;
      const seconds = (Math.exp(random() * random() * 9) / 1000).toFixed(3);
      return `${client} - - [${time}] "${pick(['GET', 'GET', 'POST', 'HEAD'])} ${pick(pages)} HTTP/1.1" ${pick([200, 200, 200, 304, 404, 500])} ${Math.floor(random() * 200_000)} "${pick(['-', 'https://www.example.com/'])}" "${pick(agents)}" ${seconds}\n`;
    });
    written += writeSync(descriptor, lines.join(''));
  }
  closeSync(descriptor);
}
