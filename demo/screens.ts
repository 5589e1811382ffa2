import type { DemoEvent, Screen } from './demo.ts';
import { renderTable, type Scene } from './table.ts';

type Write = (text: string) => void;

const eventsShown = 6;
/** For terminals that do not say how large they are. */
const usualSize = { columns: 80, rows: 24 };
const cursorHome = '\u001B[H';
const clearLine = '\u001B[K';
const clearBelow = '\u001B[J';
const hideCursor = '\u001B[?25l';
const showCursor = '\u001B[?25h';
const cutLongLines = '\u001B[?7l';
const wrapLongLines = '\u001B[?7h';

/** What is asked of a terminal; without a size it counts as 80 by 24. */
export interface Terminal {
  readonly columns: number;
  readonly rows: number;
  write(text: string): unknown;
}

/** For a terminal: one table that is drawn over itself, with as many of the newest events below as there is room for. */
export function tableScreen(terminal: Terminal, colour: boolean): Screen & Disposable {
  const write = (text: string): void => void terminal.write(text);
  const events: string[] = [];
  write(`${hideCursor}\u001B[2J`);
  return {
    happened(event) {
      events.push(describeEvent(event));
      events.splice(0, events.length - eventsShown);
    },
    show(scene) {
      const columns = terminal.columns || usualSize.columns;
      const table = renderTable(scene, { colour, columns });
      const lines = fitRows([...table, ''], events, terminal.rows || usualSize.rows);
      const text = lines.map((line) => `${line}${clearLine}`).join('\n');
      write(`${cutLongLines}${cursorHome}${text}${clearBelow}${wrapLongLines}`);
    },
    [Symbol.dispose]() {
      write(`\n${showCursor}`);
    },
  };
}

/** One row too many would scroll the table's head away: in a small terminal empty lines go first, then events. */
function fitRows(table: readonly string[], events: readonly string[], rows: number): string[] {
  const isSmall = table.length + events.length > rows;
  const head = isSmall ? table.filter((line) => line !== '') : table;
  const room = Math.max(rows - head.length, 0);
  return [...head, ...events.slice(Math.max(events.length - room, 0))].slice(0, rows);
}

/** Without a terminal: a line for each event. */
export function lineScreen(write: Write): Screen {
  return {
    happened: (event) => write(`${describeEvent(event)}\n`),
    show: () => undefined,
  };
}

/** For scripts: a JSON object a line for each event. */
export function jsonScreen(write: Write): Screen {
  return {
    happened: (event) => write(`${JSON.stringify(toJson(event))}\n`),
    show: () => undefined,
  };
}

/** The last line of `--json`: what every region saw in the end. */
export function jsonSummary(scene: Scene): string {
  const cells = scene.cells.map(({ check, target, region, verdict, uptime }) => ({
    check,
    target,
    region,
    verdict,
    uptime,
  }));
  return JSON.stringify({ event: 'summary', seconds: seconds(scene.elapsedMs), targets: cells });
}

function describeEvent(event: DemoEvent): string {
  const time = `${seconds(event.elapsedMs).toFixed(1).padStart(6)} s `;
  switch (event.kind) {
    case 'opened':
      return `${time} configuration: ${event.configuration} (edit and save it: the agents restart with it)`;
    case 'act':
      return `${time} -- ${event.act.caption}`;
    case 'edit':
    case 'restart':
      return `${time} ${event.message}`;
    case 'verdict': {
      const { check, region, verdict, errorType, message } = event.cell;
      const why = verdict === 'up' ? [] : [errorType, message].filter((part) => part !== null);
      return `${time} ${[`${check} seen from ${region} is ${verdict}`, ...why].join(': ')}`;
    }
  }
}

function toJson(event: DemoEvent): object {
  const head = { event: event.kind, seconds: seconds(event.elapsedMs) };
  switch (event.kind) {
    case 'opened':
      return { ...head, configuration: event.configuration };
    case 'act':
      return { ...head, act: event.act.name, caption: event.act.caption };
    case 'edit':
    case 'restart':
      return { ...head, message: event.message };
    case 'verdict': {
      const { check, target, region, verdict, errorType, message, durationMs } = event.cell;
      return { ...head, check, target, region, verdict, errorType, message, durationMs };
    }
  }
}

function seconds(elapsedMs: number): number {
  return Math.round(elapsedMs / 100) / 10;
}
