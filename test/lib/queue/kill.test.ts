import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openQueue } from '#lib/queue';
import { ManualClock } from '#test/support/clocks/manual-clock';
import { blockOf } from './killed-blocks.ts';

const never = new AbortController().signal;

/** What the killed processes had promised. */
interface Promised {
  readonly appended: Set<number>;
  acknowledged: number;
  /** The highest number any of them can have used. */
  highest: number;
}

test('kill -9 in the middle of appends, five times: what was promised is there, once and in order', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'farpoint-queue-'));
  const promised: Promised = { appended: new Set(), acknowledged: 0, highest: 0 };
  try {
    for (let round = 1; round <= 5; round += 1) await runAndKill(directory, promised, 40 * round);
    const numbers = await waitingNumbers(directory);
    expect(numbers).toEqual(numbers.toSorted((left, right) => left - right));
    expect(new Set(numbers).size).toBe(numbers.length);
    const oldest = numbers[0] ?? Infinity;
    expect(oldest).toBeGreaterThan(promised.acknowledged);
    const waiting = [...promised.appended].filter((number) => number >= oldest);
    expect(numbers).toEqual(expect.arrayContaining(waiting));
    expect(waiting.length).toBeGreaterThan(90);
    const between = [...promised.appended].filter((number) => {
      return number > promised.acknowledged && number < oldest;
    });
    // The one acknowledgement under way at the last kill may be on disk untold.
    expect(between.length).toBeLessThanOrEqual(1);
    expect(promised.acknowledged).toBeGreaterThan(0);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}, 60_000);

/** Runs the appender until it has promised `count` appends, and kills it in the middle of the next. */
async function runAndKill(directory: string, promised: Promised, count: number): Promise<void> {
  const first = promised.highest + 100;
  const program = fileURLToPath(new URL('./appender.ts', import.meta.url));
  const child = spawn(process.execPath, [program, directory, String(first)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  let appended = 0;
  for await (const line of createInterface(child.stdout)) {
    const [what, text] = line.split(' ');
    const number = Number(text);
    if (what === 'acknowledged') promised.acknowledged = Math.max(promised.acknowledged, number);
    if (what !== 'appended') continue;
    promised.appended.add(number);
    promised.highest = Math.max(promised.highest, number);
    appended += 1;
    if (appended === count) child.kill('SIGKILL');
  }
  await exited;
}

async function waitingNumbers(directory: string): Promise<number[]> {
  await using queue = await openQueue({
    directory,
    clock: new ManualClock(),
    consumers: [{ name: 'sink', bytesMax: Infinity, ageMaxMs: Infinity, required: true }],
    report: (incident) => expect(incident.kind).toBe('torn'),
  });
  if (queue.statistics('sink').pendingBlocks === 0) return [];
  const entries = await queue.read('sink', Infinity, never);
  return entries.map(({ block }) => {
    const number = Buffer.from(block).readUInt32LE(0);
    expect(blockOf(number).equals(block)).toBe(true);
    return number;
  });
}
