/**
 * A process to be killed: appends blocks to the queue in the folder it is given, numbered from its second
 * argument on, reads and acknowledges all but the last hundred, and prints `appended N` and `acknowledged N` once that is promised.
 */
import { writeSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { createSystemClock } from '#lib/clock';
import { openQueue } from '#lib/queue';
import { blockOf } from './killed-blocks.ts';

const never = new AbortController().signal;
const queue = await openQueue({
  directory: process.argv[2] ?? '',
  clock: createSystemClock(),
  consumers: [{ name: 'sink', bytesMax: Infinity, ageMaxMs: Infinity, required: true }],
  segmentBytesMax: 200_000,
});
let next = Number(process.argv[3]);

async function produce(): Promise<never> {
  for (;;) {
    const number = next;
    next += 1;
    await queue.append(blockOf(number));
    writeSync(1, `appended ${number}\n`);
  }
}

async function consume(): Promise<never> {
  for (;;) {
    const [oldest] = await queue.read('sink', 1, never);
    if (oldest && queue.statistics('sink').pendingBlocks > 100) {
      await queue.acknowledge('sink', oldest.position);
      writeSync(1, `acknowledged ${Buffer.from(oldest.block).readUInt32LE(0)}\n`);
    } else await setTimeout(1);
  }
}

await Promise.all([produce(), produce(), produce(), produce(), consume()]);
