import { styleText } from 'node:util';
import type { Verdict } from '#lib/observation';

const colours = { up: 'green', down: 'red', unknown: 'yellow' } as const;

/** The verdict in capitals; in colour where standard output is a terminal that wants it. */
export function paintVerdict(verdict: Verdict['status'], width = 0): string {
  return styleText([colours[verdict], 'bold'], verdict.toUpperCase().padEnd(width), {
    stream: process.stdout,
  });
}

/** Three digits, in the unit that fits. */
export function formatMs(ms: number): string {
  if (ms >= 1000) return `${Number((ms / 1000).toPrecision(3))} s`;
  return ms >= 1 ? `${Number(ms.toPrecision(3))} ms` : `${Math.round(ms * 1000)} µs`;
}

/** A value with its unit, the way a person reads it. */
export function formatValue(value: number, unit: string): string {
  if (unit === 's' && value < 1e6) return formatMs(value * 1000);
  if (unit === 's') return new Date(value * 1000).toISOString();
  if (unit === 'By' || unit === 'By/s') return formatBytes(value) + unit.slice(2);
  const digits = Number.isInteger(value) ? value : Number(value.toPrecision(4));
  return `${digits} ${unit === '1' ? '' : unit.replace(/^\{(.*)\}$/, '$1')}`.trim();
}

function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let [value, unit] = [bytes, 0];
  while (value >= 1024 && unit < units.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
