import { styleText } from 'node:util';
import type { Backlog, Cell } from './collector.ts';
import type { Act } from './script.ts';

/** Everything the table shows at one moment. */
export interface Scene {
  readonly act: Act;
  readonly elapsedMs: number;
  readonly regions: readonly string[];
  readonly cells: readonly Cell[];
  readonly outboxes: readonly Backlog[];
  readonly queue: Backlog | undefined;
  readonly configuration: string;
}

const columnWidthMax = 38;
const bars = '▁▂▃▄▅▆▇█';
const symbols = { up: '●', down: '✖', unknown: '?' } as const;
const colours = { up: 'green', down: 'red', unknown: 'yellow' } as const;

type Paint = (style: Parameters<typeof styleText>[0], text: string) => string;

/**
 * The live table as text, one line an element, its cells at most `columns` wide together. Colours are for
 * terminals only.
 */
export function renderTable(
  scene: Scene,
  { colour, columns }: { readonly colour: boolean; readonly columns: number },
): string[] {
  const paint: Paint = colour ? styleText : (_, text) => text;
  const checks = [...new Set(scene.cells.map(({ check }) => check))].sort();
  const nameWidth = Math.max(6, ...checks.map((check) => check.length)) + 2;
  const widthOfOne = Math.floor((columns - 1 - nameWidth) / scene.regions.length);
  const width = Math.max(1, Math.min(columnWidthMax, widthOfOne));
  const perRegion = (text: (region: string) => string): string => scene.regions.map(text).join('');
  const outbox = (region: string): string =>
    fit(backlog(scene.outboxes.find(({ name }) => name === region)), width);
  return [
    `${paint('bold', 'Farpoint demo')}  ${clock(scene.elapsedMs)}  ${paint('cyan', scene.act.caption)}`,
    '',
    paint('dim', ' '.repeat(nameWidth) + perRegion((region) => fit(region, width))),
    ...checks.flatMap((check) => {
      const cells = scene.regions.map((region) =>
        scene.cells.find((cell) => cell.check === check && cell.region === region),
      );
      return [
        check.padEnd(nameWidth) + cells.map((cell) => state(cell, width, paint)).join(''),
        ' '.repeat(nameWidth) + cells.map((cell) => paint('dim', history(cell, width))).join(''),
        '',
      ];
    }),
    `${paint('dim', 'outbox'.padEnd(nameWidth))}${perRegion(outbox)}`,
    `${paint('dim', 'queue'.padEnd(nameWidth))}${backlog(scene.queue)}`,
    '',
    paint('dim', 'Edit and save the configuration; the agents restart with it and lose nothing:'),
    paint('dim', scene.configuration),
  ];
}

/** A verdict counts only as long as it says it is valid: an agent that is gone says nothing. */
function state(cell: Cell | undefined, width: number, paint: Paint): string {
  if (cell === undefined) return fit('', width);
  if (cell.validUntilUnixMs !== null && cell.validUntilUnixMs < Date.now()) {
    return paint('yellow', fit('? no fresh result', width));
  }
  const { verdict, durationMs, errorType } = cell;
  const duration = durationMs === null ? '' : milliseconds(durationMs);
  return paint(
    colours[verdict],
    fit(`${symbols[verdict]} ${verdict} ${duration} ${errorType ?? ''}`, width),
  );
}

/** `▁▁▂✖✖▁ 97.1 % up`: bars are durations against the slowest shown, failures stand out. */
function history(cell: Cell | undefined, width: number): string {
  if (cell === undefined) return fit('', width);
  const uptime = cell.uptime === null ? '' : ` ${(cell.uptime * 100).toFixed(1)} % up`;
  const runs = cell.runs.slice(uptime.length + 2 - width);
  const slowestMs = Math.max(1, ...runs.map(({ durationMs }) => durationMs ?? 0));
  const line = runs.map(({ verdict, durationMs }) => {
    if (verdict !== 'up') return symbols[verdict];
    return bars[Math.floor(((durationMs ?? 0) / slowestMs) * (bars.length - 1))];
  });
  return fit(`${line.join('')}${uptime}`, width);
}

function fit(text: string, width: number): string {
  return text.slice(0, width - 1).padEnd(width);
}

function backlog(found: Backlog | undefined): string {
  if (found === undefined) return '';
  if (found.blocks === 0) return 'empty';
  return `${found.blocks} waiting, ${(found.bytes / 1024).toFixed(1)} KiB`;
}

function milliseconds(durationMs: number): string {
  return `${durationMs.toFixed(durationMs < 10 ? 1 : 0)} ms`;
}

function clock(elapsedMs: number): string {
  const seconds = Math.floor(elapsedMs / 1000);
  return `${String(Math.floor(seconds / 60)).padStart(2, '0')}:${String(seconds % 60).padStart(2, '0')}`;
}
