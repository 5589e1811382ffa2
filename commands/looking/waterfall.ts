import type { FoundValue } from './finding.ts';
import { formatMs } from './text.ts';

const width = 48;
const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** The phases of a run below each other, each bar starting where the one before it ends. */
export function renderWaterfall(values: readonly FoundValue[]): readonly string[] {
  const phases = values.flatMap(({ attributes, value, unit }) => {
    const { phase, ...others } = attributes;
    const alone = Object.keys(others).length === 0 && unit === 's';
    return phase !== undefined && alone && typeof value === 'number' ? [{ phase, value }] : [];
  });
  const total = phases.reduce((sum, { value }) => sum + value, 0);
  if (total === 0) return [];
  const nameWidth = Math.max(...phases.map(({ phase }) => phase.length));
  let before = 0;
  return phases.map(({ phase, value }) => {
    const start = (before / total) * width;
    before += value;
    const time = formatMs(value * 1000).padStart(10);
    return `${phase.padEnd(nameWidth)} ${time}  ${bar(start, (value / total) * width)}`.trimEnd();
  });
}

/** Columns from `start` on, to an eighth at its end; at least a hair, so that every phase shows. */
function bar(start: number, length: number): string {
  const first = Math.min(Math.floor(start), width - 1);
  const parts = Math.max(1, Math.round(length * 8));
  return ' '.repeat(first) + '█'.repeat(Math.floor(parts / 8)) + (eighths[parts % 8] ?? '');
}
