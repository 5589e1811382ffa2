import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BatchSource, Forwarder } from '#collector/forwarder';
import { DeadLetters } from '#collector/forwarder/dead-letters';
import type { Sink } from '#collector/sinks/sink';
import { createLog } from '#lib/log';
import { QuickClock } from '../clocks/quick-clock.ts';

/** A line of the dead letters, as a person reads it. */
export interface WrittenLetter {
  readonly reason: string;
  readonly repeated: boolean;
  readonly points: number;
  readonly logs: number;
  readonly first: string;
}

export interface Forwarding extends AsyncDisposable {
  readonly forwarder: Forwarder;
  readonly clock: QuickClock;
  letters(): Promise<readonly WrittenLetter[]>;
}

/** A forwarder at work, with little patience, and dead letters below `directory`. */
export async function startForwarding(
  directory: string,
  sink: Sink,
  source: BatchSource,
): Promise<Forwarding> {
  const clock = new QuickClock(1000);
  const deadLetters = await DeadLetters.open({ directory, sink: 'test', bytesMax: 1e6, clock });
  const log = createLog({ level: 'silent' });
  const forwarder = new Forwarder({ sink, source, deadLetters, clock, log });
  forwarder.start();
  return {
    forwarder,
    clock,
    letters: async () => {
      const lines = (await readFile(join(directory, 'test.jsonl'), 'utf8')).trim().split('\n');
      return lines.slice(1).map((line) => JSON.parse(line));
    },
    [Symbol.asyncDispose]: async () => {
      await forwarder[Symbol.asyncDispose]();
      await deadLetters[Symbol.asyncDispose]();
    },
  };
}
