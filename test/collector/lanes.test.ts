import { createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { openLanes } from '#collector/lanes';
import { openCollectorQueue } from '#collector/queue';
import { compress } from '#collector/queue/payload';
import { prometheus } from '#collector/sinks/prometheus';
import { encodeMetrics } from '#lib/otlp/metrics';
import { ManualClock } from '../support/clocks/manual-clock.ts';
import { eventually } from '../support/eventually.ts';
import { LogLines } from '../support/log-lines.ts';
import { gauge } from '../support/otlp/points.ts';
import { serve } from '../support/servers/serve.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

test('all lanes stop together: backends that do not answer hold up the end once, not one after the other', async () => {
  using folder = temporaryFolder();
  const clock = new ManualClock();
  const sockets = new Set<Socket>();
  const mute = (): ReturnType<typeof createServer> =>
    createServer((socket) => {
      sockets.add(socket.on('error', () => undefined).resume());
      socket.once('close', () => sockets.delete(socket));
    });
  await using first = await serve(mute());
  await using second = await serve(mute());
  const dataDirectory = folder.path;
  const sinks = [first, second].map(({ url }, index) => ({
    name: `backend-${index}`,
    type: 'prometheus',
    labels: {},
    queue: { bytesMax: Infinity, ageMaxMs: Infinity, required: true },
    settings: prometheus.settings.parse({ url: `${url}api/v1/write` }),
  }));
  await using queue = await openCollectorQueue({
    dataDirectory,
    sinks,
    clock,
    report: () => undefined,
  });
  await queue.accept({
    signal: 'metrics',
    agent: '',
    keyId: 'key',
    receivedUnixMs: clock.unixMs(),
    range: undefined,
    payload: compress(encodeMetrics([gauge('probe.success', clock.unixMs())])),
  });
  const { log } = new LogLines();
  const lanes = await openLanes({ configuration: { sinks, dataDirectory }, queue, clock, log });
  await eventually('a delivery to each', () => sockets.size === 2);
  const stopped = lanes[Symbol.asyncDispose]();
  await clock.advance(5000);
  await stopped;
  await eventually('both to be cut', () => sockets.size === 0);
  expect(lanes.statistics().map(({ queue }) => queue.pendingBlocks)).toEqual([1, 1]);
});
