import { readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';
import { basename } from 'node:path';
import { parentPort } from 'node:worker_threads';
import { LogReader, type ReadOrder } from './reader.ts';
import type { Request, Response } from './thread.ts';

/** Nice values go from -20 to 19. */
const niceness = 10;

const logs = new Map<number, LogReader>();
const running = new Map<number, AbortController>();

stepBack();

parentPort?.on('message', (request: Request) => {
  switch (request.kind) {
    case 'open':
      logs.set(request.log, new LogReader(request.settings));
      return;
    case 'read':
      void answer(request);
      return;
    case 'abort':
      running.get(request.id)?.abort();
      return;
    case 'close':
      logs.get(request.log)?.[Symbol.dispose]();
      logs.delete(request.log);
  }
});

/** Where processors are short, the probes, and the server whose log it is, come first. Linux has priorities of threads. */
function stepBack(): void {
  try {
    const thread = basename(readlinkSync('/proc/thread-self'));
    setPriority(Number(thread), niceness);
  } catch {
    // Elsewhere the system shares out fairly.
  }
}

async function answer({ id, log, order }: Extract<Request, { kind: 'read' }>): Promise<void> {
  const controller = new AbortController();
  running.set(id, controller);
  const response: Response = { id, result: await read(log, order, controller.signal) };
  running.delete(id);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is for windows
  parentPort?.postMessage(response);
}

async function read(
  log: number,
  order: ReadOrder,
  signal: AbortSignal,
): Promise<Response['result']> {
  try {
    const reader = logs.get(log);
    if (reader === undefined) throw new Error(`log ${log} is not open`);
    return { reading: await reader.read(order, signal) };
  } catch (error) {
    return { error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}
