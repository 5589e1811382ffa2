import { runDemo } from '#demo/demo';
import { jsonScreen, jsonSummary, lineScreen, tableScreen } from '#demo/screens';
import { duration } from '#lib/scalars';
import { defineCommand, UsageError } from './command.ts';

/** Everything on this machine, in a temporary folder and on free ports; nothing is left behind. */
export const command = defineCommand({
  options: (parser) =>
    parser
      .option('for', {
        type: 'string',
        describe: 'How long, for example 60s; until Ctrl-C where absent',
      })
      .option('json', {
        type: 'boolean',
        default: false,
        describe: 'A JSON object a line for everything that happens, and a summary at the end',
      })
      .epilogue(
        'The service is healthy, slow, broken in one region, down and back: a play of a minute.',
      ),
  async run({ for: length, json }, signal) {
    const forMs = length === undefined ? Infinity : durationOf(length);
    const program = process.argv[1];
    if (program === undefined) throw new Error('cannot start agents: the program has no path');
    const write = (text: string): void => void process.stdout.write(text);
    using terminal =
      !json && canBeDrawnOn() ? tableScreen(process.stdout, hasColours()) : undefined;
    const screen = terminal ?? (json ? jsonScreen(write) : lineScreen(write));
    const scene = await runDemo({ node: process.execPath, program, forMs }, screen, signal);
    if (json && scene !== undefined) write(`${jsonSummary(scene)}\n`);
    return 0;
  },
});

function durationOf(text: string): number {
  const result = duration.safeParse(text);
  if (result.success) return result.data;
  throw new UsageError(`--for ${text}: ${result.error.issues[0]?.message}`);
}

function canBeDrawnOn(): boolean {
  return process.stdout.isTTY && process.env['TERM'] !== 'dumb';
}

function hasColours(): boolean {
  return process.stdout.hasColors() && !process.env['NO_COLOR'];
}
