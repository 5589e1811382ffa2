import { createServer, type Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { http } from '#checks/http';
import { formatObservations } from '../support/checks/formatted-observation.ts';
import { runCheck, valuesOf } from '../support/checks/run-check.ts';
import { certify } from '../support/servers/certificates.ts';
import { freePort } from '../support/servers/real-servers.ts';
import { serve, serveHttp } from '../support/servers/serve.ts';

test('golden: up, a status that is not expected, a certificate that has expired', async () => {
  const root = certify({ name: 'Test root', authority: true });
  const old = certify({ name: 'old', hosts: ['127.0.0.1'], issuer: root, from: -30, until: -2 });
  await using server = await serveHttp((request, response) => {
    response.writeHead(request.url === '/gone' ? 404 : 200, {
      'content-type': 'application/json',
      'last-modified': 'Thu, 01 Jan 2026 00:00:00 GMT',
      server: 'test',
    });
    response.end('{"records":42}');
  });
  await using expired = await serve(createTlsServer({ cert: old.certificate, key: old.key }));
  const values = { records: { json: 'records', unit: '{record}' } };
  await expect(
    formatObservations({
      up: await runCheck(http, server.url, { values }),
      'not found': await runCheck(http, `${server.url}gone`, { values }),
      'certificate expired': await runCheck(http, `https://127.0.0.1:${expired.port}/`, {
        tls: { ca: root.certificate },
      }),
    }),
  ).toMatchFileSnapshot('../golden/http.txt');
});

describe('http', () => {
  test('a good answer is up, with its phases, status and size', async () => {
    await using server = await serveHttp((_request, response) => response.end('hello'));
    const observation = await runCheck(http, server.url);
    expect(observation.verdict).toEqual({ status: 'up' });
    expect(valuesOf(observation)).toMatchObject({
      'probe.http.status.code': 200,
      'probe.http.body.size': 5,
      'probe.http.content.length': 5,
      'probe.http.ssl': 0,
      'probe.ip.protocol': 4,
    });
    const phases = observation.measurements.filter(
      ({ metric }) => metric.name === 'probe.http.duration',
    );
    expect(phases.map(({ attributes }) => attributes?.['phase'])).toEqual([
      'resolve',
      'connect',
      'processing',
      'transfer',
    ]);
    const sum = phases.reduce((total, { value }) => total + Number(value), 0);
    expect(sum * 1000).toBeCloseTo(observation.durationMs ?? 0, 9);
  });

  test('a status that is not expected is down, and the rest is still measured', async () => {
    await using server = await serveHttp((_request, response) => {
      response.statusCode = 503;
      response.end('sorry');
    });
    const observation = await runCheck(http, server.url);
    expect(observation.verdict).toMatchObject({ status: 'down', error: 'http_status' });
    expect(valuesOf(observation)).toMatchObject({ 'probe.http.body.size': 5 });
  });

  test('a value out of its bounds is down, and measured beside them', async () => {
    await using server = await serveHttp((_request, response) => response.end('{"waiting":12}'));
    const values = { waiting: { json: 'waiting', unit: '{job}', expect: { max: 10 } } };
    const observation = await runCheck(http, server.url, { values });
    expect(observation.verdict).toMatchObject({ status: 'down', error: 'value_threshold' });
    expect(valuesOf(observation)).toMatchObject({
      'probe.value{name=waiting,unit={job}}': 12,
      'probe.value.bound{name=waiting,unit={job},bound=max}': 10,
    });
  });

  test('a page of digits is no number, and is told to be none at once', async () => {
    const digits = '1'.repeat(200_000);
    await using server = await serveHttp((_request, response) => response.end(`<p>${digits}x</p>`));
    const { verdict } = await runCheck(http, server.url, { values: { records: { css: 'p' } } });
    expect(verdict).toMatchObject({ status: 'down', error: 'value_missing' });
  });

  test('a head with a line of spaces is told to be malformed at once', async () => {
    const spaces = ' '.repeat(50_000);
    const head = `HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: x${spaces}y\r\n\r\n`;
    await using server = await serve(createServer((socket) => void socket.end(head)));
    const startMs = performance.now();
    const { verdict } = await runCheck(http, server.url);
    expect(verdict).toMatchObject({ status: 'down', error: 'http_protocol' });
    expect(performance.now() - startMs).toBeLessThan(2000);
  });

  test('a body that ends early is truncated', async () => {
    await using server = await serveHttp((_request, response) => {
      response.writeHead(200, { 'content-length': 1000 });
      response.write('a part', () => response.destroy());
    });
    const { verdict } = await runCheck(http, server.url);
    expect(verdict).toMatchObject({ status: 'down', error: 'body_truncated' });
  });

  test('a body that does not end runs into the deadline', async () => {
    await using server = await serveHttp((_request, response) => void response.write('a part'));
    const { verdict } = await runCheck(http, server.url, {}, { timeoutMs: 2500 });
    expect(verdict).toMatchObject({ status: 'down', error: 'body_timeout' });
  });

  test.each([
    ['at once', Infinity],
    ['byte by byte', 1],
    ['in pieces', 17],
  ])('interim answers are no trouble, asked for or not: %s', async (_how, size) => {
    const interim = [
      'HTTP/1.1 100 Continue\r\n\r\n',
      'HTTP/1.1 100 Again\r\nX: 1\r\n\r\n',
      'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n',
    ].join('');
    for (const body of ['', 'fine']) {
      const answer = `${interim}HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
      const server = createServer((socket) => {
        socket.setNoDelay(true).once('data', () => void sendInPieces(socket, answer, size));
      });
      await using serving = await serve(server);
      const observation = await runCheck(http, serving.url);
      expect(observation.verdict).toEqual({ status: 'up' });
      expect(valuesOf(observation)).toMatchObject({
        'probe.http.status.code': 200,
        'probe.http.content.length': body.length,
      });
    }
  });

  test('a connection that is closed without an answer is tried once only', async () => {
    let connections = 0;
    const server = createServer((socket) => {
      connections += 1;
      socket.once('data', () => socket.end());
    });
    await using serving = await serve(server);
    const { verdict } = await runCheck(http, serving.url);
    expect(verdict).toMatchObject({ status: 'down', error: 'http_no_response' });
    expect(connections).toBe(1);
  });

  test('a port where nobody listens refuses', async () => {
    const observation = await runCheck(http, `http://127.0.0.1:${await freePort()}/`);
    expect(observation.verdict).toMatchObject({ status: 'down', error: 'connect_refused' });
    expect(Object.keys(valuesOf(observation))).not.toContain(
      'probe.http.duration{phase=processing}',
    );
  });
});

test.each([
  ['https://example.org/', undefined],
  ['example.org', 'URL'],
  ['ftp://example.org/', 'http: or https:'],
  ['https://user:pass@example.org/', 'auth.basic'],
  ['https://example.org/#top', 'fragment'],
])('target %s: %s', (target, complaint) => {
  if (complaint === undefined) expect(http.validateTarget(target)).toBeUndefined();
  else expect(http.validateTarget(target)).toContain(complaint);
});

async function sendInPieces(socket: Socket, text: string, size: number): Promise<void> {
  for (let start = 0; start < text.length; start += size) {
    socket.write(text.slice(start, start + size));
    await setImmediate();
  }
  socket.end();
}
