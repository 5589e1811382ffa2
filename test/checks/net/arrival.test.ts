import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { Trace } from '#checks/net/trace';
import { services } from '../../support/checks/run-check.ts';
import { serve } from '../../support/servers/serve.ts';

/** Two connections, each with its other end. */
async function openPairs(): Promise<{ near: Socket; far: Socket }[] & AsyncDisposable> {
  const server = createServer();
  const serving = await serve(server);
  const pairs: { near: Socket; far: Socket }[] = [];
  for (let count = 0; count < 2; count += 1) {
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    const near = connect(serving.port, '127.0.0.1');
    const [far] = await accepted;
    pairs.push({ near, far: far.on('error', () => undefined) });
  }
  return Object.assign(pairs, {
    [Symbol.asyncDispose]: async () => {
      for (const { near } of pairs) near.destroy();
      await serving[Symbol.asyncDispose]();
    },
  });
}

test('what one wait of the event loop brings has arrived together, however long its turn takes', async () => {
  await using pairs = await openPairs();
  let nowMs = 0;
  const clock = { ...services.clock, monotonicMs: () => nowMs };
  const waiting = pairs.map(async ({ near }) => {
    const trace = new Trace(clock);
    trace.enterHop('processing');
    await once(near, 'data');
    trace.reach('transfer');
    nowMs += 1000;
    await once(near, 'data');
    trace.stop();
    return Object.fromEntries(trace.phases);
  });
  nowMs += 5;
  await sendToAll(pairs);
  nowMs += 7;
  await sendToAll(pairs);
  expect(await Promise.all(waiting)).toEqual([
    { processing: 5, transfer: 2007 },
    { processing: 5, transfer: 2007 },
  ]);
});

test('what we do between two phases is in neither', async () => {
  await using pairs = await openPairs();
  let nowMs = 0;
  const trace = new Trace({ ...services.clock, monotonicMs: () => nowMs });
  trace.enterHop('connect');
  nowMs += 3;
  await sendToAll(pairs);
  await nextRound();
  trace.stop();
  nowMs += 1000;
  trace.enter('processing');
  nowMs += 4;
  await nextRound();
  trace.stop();
  expect(Object.fromEntries(trace.phases)).toEqual({ connect: 3, processing: 4 });
  expect(trace.durationMs).toBe(7);
});

/** Writes to each, and lets it all become readable before the event loop looks again. */
async function sendToAll(pairs: readonly { readonly far: Socket }[]): Promise<void> {
  for (const { far } of pairs) far.write('x');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  await nextRound();
  await nextRound();
}

function nextRound(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
