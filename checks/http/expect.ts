import { Failure } from '../net/failure.ts';
import { type HttpSettings } from './settings.ts';

/** Judges the status code. */
export function statusFailure(
  status: number,
  allowed: HttpSettings['expect']['status'],
): Failure | undefined {
  if (allowed.some((pattern) => matches(status, pattern))) return undefined;
  return Failure.down('http_status', `the status is ${status}, expected ${allowed.join(', ')}`);
}

function matches(status: number, pattern: number | string): boolean {
  if (typeof pattern === 'number') return status === pattern;
  if (pattern.endsWith('xx')) return Math.floor(status / 100) === Number(pattern[0]);
  const [low = 0, high = low] = pattern.split('-').map(Number);
  return low <= status && status <= high;
}
