import { createHash, randomBytes } from 'node:crypto';
import { createServer as createHttp2Server } from 'node:http2';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { http } from '#checks/http';
import { Download } from '#checks/http/download';
import { runCheck, services, valuesOf } from '../../support/checks/run-check.ts';
import { serve, serveHttp } from '../../support/servers/serve.ts';

const content = randomBytes(24 * 1024 * 1024);
const sha256 = createHash('sha256').update(content).digest('hex');
const body = gzipSync(content, { level: 1 });

test('decompression that lags behind holds the download back, and loses nothing', async () => {
  const plan = { bytesMax: 2 ** 30, textBytesMax: 0, checksum: true };
  const download = new Download(plan, services.clock);
  download.begin('gzip');
  let waits = 0;
  for (let at = 0; at < body.length; at += 65_536) {
    expect(download.push(body.subarray(at, at + 65_536))).toBeUndefined();
    if (download.caughtUp === undefined) continue;
    waits += 1;
    expect(download.idleMs).toBe(0);
    await download.caughtUp;
    expect(download.caughtUp).toBeUndefined();
  }
  expect(await download.finish(true)).toBeUndefined();
  expect(waits).toBeGreaterThanOrEqual(4);
  expect(waits).toBeLessThanOrEqual(6);
  expect(download.decoded).toBe(content.length);
  expect(download.digest()).toBe(sha256);
});

test.each([1.1, 2])('a large compressed body over HTTP/%d comes whole', async (version) => {
  const headers = { 'content-encoding': 'gzip', 'content-length': body.length };
  await using server =
    version === 2
      ? await serve(
          createHttp2Server().on('stream', (stream) => {
            stream.on('error', () => undefined).respond({ ':status': 200, ...headers });
            stream.end(body);
          }),
        )
      : await serveHttp((_request, response) => response.writeHead(200, headers).end(body));
  const observation = await runCheck(http, server.url, { version, expect: { sha256 } });
  expect(observation.verdict).toEqual({ status: 'up' });
  expect(valuesOf(observation)).toMatchObject({
    'probe.http.body.size': body.length,
    'probe.http.uncompressed.body.length': content.length,
  });
});

test('one that ends while it is held back is no trouble', async () => {
  const head = `HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${body.length * 2}\r\n\r\n`;
  await using server = await serveHttp((request) => {
    request.socket.write(head);
    request.socket.end(body);
  });
  const { verdict } = await runCheck(http, server.url);
  expect(verdict).toMatchObject({ status: 'down', error: 'body_truncated' });
});
