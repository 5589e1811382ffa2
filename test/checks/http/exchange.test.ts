import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { Download } from '#checks/http/download';
import { exchange } from '#checks/http/exchange';
import { Trace } from '#checks/net/trace';
import { createSystemClock } from '#lib/clock';
import { serve } from '../../support/servers/serve.ts';

const clock = createSystemClock();

test.each([
  ['an invalid header', { upgrade: 'websocket' }],
  ['what undici cannot do', { expect: '100-continue' }],
  ['a length that is not that of the body', { 'content-length': '5' }],
])('a request that is not sent is ours, and leaves no connection: %s', async (_what, headers) => {
  const accepted = Promise.withResolvers<Socket>();
  await using serving = await serve(createServer((socket) => accepted.resolve(socket.resume())));
  const url = new URL(serving.url);
  const socket = connect(Number(url.port), url.hostname);
  await once(socket, 'connect');
  const served = await accepted.promise;
  const closed = once(served, 'close');
  const trace = new Trace(clock);
  trace.enterHop('processing');
  const request = { url, method: 'POST', headers, body: Buffer.from('four'), target: '/' };
  const { failure } = await exchange(
    socket,
    request,
    {
      version: 1.1,
      trace,
      download: new Download({ bytesMax: 1024, textBytesMax: 0, checksum: false }, clock),
      limits: { headersMs: undefined, idleMs: undefined },
      sent: () => undefined,
    },
    AbortSignal.timeout(5000),
  );
  expect(failure?.verdict).toMatchObject({ status: 'unknown', error: 'agent_error' });
  await closed;
});
