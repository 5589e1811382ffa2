import { styleText } from 'node:util';
import { type Cell } from './collector.ts';
import { type Act } from './script.ts';

/** What waits where. */
export interface Backlog {
  readonly name: string;
  readonly blocks: number;
  readonly bytes: number;
}

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

const runsShown = 16;
const columnWidth = 38;
const bars = '▁▂▃▄▅▆▇█';

/** The live table as text, one line an element. `colour` is for terminals only. */
export function renderTable(scene: Scene, colour: boolean): string[] {
  const paint = colour ? styleText : (_: unknown, text: string): string => text;
  const rows = [...new Set(scene.cells.map((cell) => cell.check))];
  const nameWidth = Math.max(8, ...rows.map((row) => row.length)) + 2;
  return [
    `${paint('bold', 'Farpoint demo')}  ${clock(scene.elapsedMs)}  ${paint('cyan', scene.act.caption)}`,
    '',
    paint(
      'dim',
      ' '.repeat(nameWidth) + scene.regions.map((region) => region.padEnd(columnWidth)).join(''),
    ),
    ...rows.flatMap((check) => row(check)),
    paint('dim', 'outbox'.padEnd(nameWidth)) +
      scene.regions
        .map((region) =>
          backlog(scene.outboxes.find(({ name }) => name === region)).padEnd(columnWidth),
        )
        .join(''),
    paint('dim', 'queue'.padEnd(nameWidth)) + backlog(scene.queue),
    '',
    paint(
      'dim',
      `Configuration: ${scene.configuration}   (edit it, then start the demo's agents from it: see README.md there)`,
    ),
  ];

  function row(check: string): string[] {
    const cells = scene.regions.map((region) =>
      scene.cells.find((cell) => cell.check === check && cell.region === region),
    );
    const first = cells.map((cell) => state(cell)).join('');
    const second = cells.map((cell) => history(cell).padEnd(columnWidth)).join('');
    return [check.padEnd(nameWidth) + first, ' '.repeat(nameWidth) + paint('dim', second), ''];
  }

  function state(cell: Cell | undefined): string {
    if (cell === undefined) return paint('dim', 'waiting for a first run'.padEnd(columnWidth));
    const text = `${symbols[cell.verdict]} ${cell.verdict} ${milliseconds(cell.durationMs ?? 0)} ${cell.errorType ?? ''}`;
    return paint(colours[cell.verdict], text.slice(0, columnWidth - 1).padEnd(columnWidth));
  }
}

const symbols = { up: '●', down: '✖', unknown: '?' } as const;
const colours = { up: 'green', down: 'red', unknown: 'yellow' } as const;

/** `▁▁▂✖✖▁  97.1 % up`: bars are durations against the slowest shown, failures stand out. */
function history(cell: Cell | undefined): string {
  if (cell === undefined) return '';
  const runs = cell.runs.slice(-runsShown);
  const slowestMs = Math.max(1, ...runs.map((run) => run.durationMs ?? 0));
  const line = runs.map((run) => {
    if (run.verdict !== 'up') return symbols[run.verdict];
    return bars[Math.floor(((run.durationMs ?? 0) / slowestMs) * (bars.length - 1))] ?? '';
  });
  const uptime = cell.uptime === null ? '' : `${(cell.uptime * 100).toFixed(1)} % up`;
  return `${line.join('').padEnd(runsShown)}  ${uptime}`;
}

function backlog(found: Backlog | undefined): string {
  if (found === undefined) return '';
  return found.blocks === 0
    ? 'empty'
    : `${found.blocks} waiting, ${(found.bytes / 1024).toFixed(1)} KiB`;
}

function milliseconds(durationMs: number): string {
  return durationMs < 10 ? `${durationMs.toFixed(1)} ms` : `${Math.round(durationMs)} ms`;
}

function clock(elapsedMs: number): string {
  const seconds = Math.floor(elapsedMs / 1000);
  return `${String(Math.floor(seconds / 60)).padStart(2, '0')}:${String(seconds % 60).padStart(2, '0')}`;
}
