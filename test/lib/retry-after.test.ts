import { expect, test } from 'vitest';
import { retryAfterMs } from '#lib/retry-after';

const nowUnixMs = Date.UTC(2026, 10, 22, 12);

test.each([
  ['0', 0],
  ['7', 7000],
  [' 120 ', 120_000],
  ['1.5', 1500],
  ['Sun, 22 Nov 2026 12:01:00 GMT', 60_000],
  ['Sun, 22 Nov 2026 11:59:00 GMT', 0],
  ['soon', undefined],
  ['', undefined],
  [['7', '8'], undefined],
  [undefined, undefined],
])('Retry-After: %s', (header, expectedMs) => {
  expect(retryAfterMs(header, nowUnixMs)).toBe(expectedMs);
});
