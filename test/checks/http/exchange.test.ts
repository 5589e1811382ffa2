import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { Download } from '#checks/http/download';
import { exchange } from '#checks/http/exchange';
import { Trace } from '#checks/net/trace';
import { createSystemClock } from '#lib/clock';
import { serve } from '../../support/serve.ts';

test.each([1.1, 2] as const)(
  'a connection that is gone before HTTP/%s can be spoken is told at once, and not waited for',
  async (version) => {
    await using server = await serve(createServer());
    const socket = connect(server.port, '127.0.0.1').on('error', () => undefined);
    await once(socket, 'connect');
    await once(socket.destroy(), 'close');
    const clock = createSystemClock();
    const url = new URL(server.url);
    const { failure } = await exchange(
      socket,
      { url, method: 'GET', headers: { host: url.host }, body: undefined, target: '/' },
      {
        version,
        trace: new Trace(clock),
        download: new Download({ bytesMax: 1, textBytesMax: 0, checksum: false }, clock),
        limits: { headersMs: undefined, idleMs: undefined },
        sent: () => undefined,
      },
      AbortSignal.timeout(3000),
    );
    expect(failure?.verdict).toMatchObject({ status: 'down', error: 'http_no_response' });
  },
);
