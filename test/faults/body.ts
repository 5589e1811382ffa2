import { gzipSync } from 'node:zlib';
import { answering, type Fault, ok, response, soon } from './fault.ts';

const page = '<p>Active connections: <b id="n">many</b></p>';
const json = JSON.stringify({ status: 'degraded', counts: { records: 7 } });
const sha256OfFine = 'c7a2d3c8ff0a7fa6d1c9f5aa0c0bd3d1ee4bcfbd16c4b0e7f08a4c4e0e5f0a0b';

const fourBytes = ['HTTP/1.1 200 OK', 'Content-Length: 4'];

export const bodyFaults: readonly Fault[] = [
  {
    name: 'body: closed half-way',
    error: 'body_truncated',
    says: /6 of 1000 bytes/,
    open: () =>
      answering((socket) =>
        socket.end(response(['HTTP/1.1 200 OK', 'Content-Length: 1000'], 'a part')),
      ),
  },
  {
    name: 'body: reset half-way',
    error: 'body_truncated',
    open: () =>
      answering((socket) => {
        socket.write(response(['HTTP/1.1 200 OK', 'Content-Length: 1000'], 'a part'), () =>
          setTimeout(() => socket.resetAndDestroy(), 30),
        );
      }),
  },
  {
    name: 'body: reset, where only the end of the connection would end it',
    error: 'body_truncated',
    open: () =>
      answering((socket) => {
        socket.write(response(['HTTP/1.1 200 OK', 'Connection: close'], 'a part'), () =>
          setTimeout(() => socket.resetAndDestroy(), 30),
        );
      }),
  },
  {
    name: 'body: longer than its announced length',
    error: 'http_protocol',
    says: /behind the 4 bytes/,
    open: () => answering((socket) => socket.end(response(fourBytes, 'fine, and more'))),
  },
  {
    name: 'body: something, where a length of nothing is announced',
    error: 'http_protocol',
    says: /behind the 0 bytes/,
    open: () =>
      answering((socket) =>
        socket.end(response(['HTTP/1.1 200 OK', 'Content-Length: 0'], 'something')),
      ),
  },
  {
    name: 'body: longer than its announced length, on a connection that is to be closed',
    error: 'http_protocol',
    says: /behind the 4 bytes/,
    open: () =>
      answering((socket) =>
        socket.end(response([...fourBytes, 'Connection: close'], 'fine, and more')),
      ),
  },
  {
    name: 'body: chunks without the last one',
    error: 'body_truncated',
    open: () => chunked('5\r\nhello\r\n'),
  },
  {
    name: 'body: a chunk of a wrong length',
    error: 'http_protocol',
    open: () => chunked('3\r\nhello\r\n0\r\n\r\n'),
  },
  {
    name: 'body: a chunk without a length',
    error: 'http_protocol',
    open: () => chunked('hello\r\n0\r\n\r\n'),
  },
  {
    name: 'body: stalled half-way until the deadline',
    error: 'body_timeout',
    says: /6 of 1000 bytes/,
    open: () => stalling({ options: soon }),
  },
  {
    name: 'body: stalled half-way for longer than it may',
    error: 'body_stall',
    open: () => stalling({ settings: { timeout: { idle: '1s' } } }),
  },
  {
    name: 'body: one byte at a time',
    error: 'body_timeout',
    open: () =>
      answering(
        (socket) => {
          socket.write(response(['HTTP/1.1 200 OK', 'Content-Length: 1000']));
          const timer = setInterval(() => socket.write('x'), 10);
          socket.once('close', () => clearInterval(timer));
        },
        { options: soon, settings: { timeout: { idle: '1500ms' } } },
      ),
  },
  {
    name: 'body: without end',
    error: 'body_too_large',
    open: () =>
      answering(
        (socket) => {
          socket.write(response(['HTTP/1.1 200 OK', 'Connection: close']));
          const more = (): void => {
            while (!socket.destroyed && socket.write(Buffer.alloc(65_536)));
          };
          socket.on('drain', more);
          more();
        },
        { settings: { limit: { body: '1MiB' } } },
      ),
  },
  {
    name: 'body: a gzip bomb',
    error: 'body_too_large',
    says: /decompression/,
    open: () =>
      encoded(gzipSync(Buffer.alloc(32 * 1024 * 1024)), 'gzip', { limit: { body: '1MiB' } }),
  },
  {
    name: 'body: said to be gzip, and is not',
    error: 'body_encoding',
    open: () => encoded(Buffer.from('plain'), 'gzip'),
  },
  {
    name: 'body: gzip that ends early, in a complete message',
    error: 'body_encoding',
    open: () => encoded(gzipSync(Buffer.alloc(1000, 'x')).subarray(0, 20), 'gzip'),
  },
  {
    name: 'body: a coding nobody knows',
    error: 'body_encoding',
    open: () => encoded(Buffer.from('x'), 'rot13'),
  },
  {
    name: 'body: one flipped byte',
    error: 'checksum_mismatch',
    open: () => expecting('fjne', { sha256: sha256OfFine }),
  },
  {
    name: 'body: shorter than it should be',
    error: 'size_mismatch',
    open: () => expecting('fine', { size: { min: '1KiB' } }),
  },
  {
    name: 'body: without the text it should have',
    error: 'body_mismatch',
    open: () => expecting('fine', { body: { contains: 'Sign in' } }),
  },
  {
    name: 'body: with a text it must not have',
    error: 'body_mismatch',
    open: () => expecting('Internal error', { body: { not: 'error' } }),
  },
  {
    name: 'body: no match of a regular expression',
    error: 'body_mismatch',
    open: () => expecting('fine', { body: { matches: '^good$' } }),
  },
  {
    name: 'body: too large to be looked into',
    error: 'body_too_large',
    says: /limit\.text/,
    open: () =>
      answering((socket) => socket.end(ok('x'.repeat(5000))), {
        settings: { limit: { text: '1KiB' }, expect: { body: { contains: 'x' } } },
      }),
  },
  {
    name: 'JSON: not as it should be',
    error: 'json_mismatch',
    says: /status = "ok" gives false/,
    open: () => expecting(json, { json: ['status = "ok"'] }),
  },
  {
    name: 'JSON: none at all',
    error: 'json_mismatch',
    says: /not JSON/,
    open: () => expecting('<html>', { json: ['status = "ok"'] }),
  },
  {
    name: 'value: not there',
    error: 'value_missing',
    open: () => valued(json, { json: 'counts.bytes' }),
  },
  {
    name: 'value: not a number',
    error: 'value_missing',
    says: /"many"/,
    open: () => valued(page, { css: '#n' }),
  },
  {
    name: 'value: below its threshold',
    error: 'value_threshold',
    says: /is 7, expected at least 10/,
    open: () => valued(json, { json: 'counts.records', expect: { min: 10 } }),
  },
  {
    name: 'time: slower than it may be',
    error: 'too_slow',
    says: /processing took/,
    open: () =>
      answering((socket) => void setTimeout(() => socket.end(ok('fine')), 60), {
        settings: { expect: { time: { processing: '20ms' } } },
      }),
  },
  {
    name: 'time: a slow download',
    error: 'too_slow',
    says: /bytes a second/,
    open: () =>
      answering(
        (socket) => {
          socket.write(response(['HTTP/1.1 200 OK', 'Content-Length: 8'], 'half'));
          // So much later that a busy machine still reads the halves one after the other.
          setTimeout(() => socket.end('half'), 4000);
        },
        { settings: { expect: { throughput: { min: '1MiB' } } } },
      ),
  },
  {
    name: 'engine: a regular expression that has not ended when the run has to',
    error: 'agent_overloaded',
    open: () =>
      answering((socket) => socket.end(ok(`${'a'.repeat(40)}b`)), {
        settings: { expect: { body: { matches: '^(a+)+$' } } },
        options: { timeoutMs: 1500 },
      }),
  },
  {
    name: 'engine: a regular expression that would never end',
    error: 'expression_limit',
    says: /took longer than/,
    open: () => expecting(`${'a'.repeat(40)}b`, { body: { matches: '^(a+)+$' } }),
  },
];

function chunked(body: string): ReturnType<typeof answering> {
  return answering((socket) =>
    socket.end(response(['HTTP/1.1 200 OK', 'Transfer-Encoding: chunked'], body)),
  );
}

function stalling(options: Parameters<typeof answering>[1]): ReturnType<typeof answering> {
  return answering(
    (socket) => void socket.write(response(['HTTP/1.1 200 OK', 'Content-Length: 1000'], 'a part')),
    options,
  );
}

function encoded(body: Buffer, coding: string, settings = {}): ReturnType<typeof answering> {
  return answering((socket) => socket.end(ok(body, `Content-Encoding: ${coding}`)), { settings });
}

function expecting(body: string, expect: object): ReturnType<typeof answering> {
  return answering((socket) => socket.end(ok(body)), { settings: { expect } });
}

function valued(body: string, value: object): ReturnType<typeof answering> {
  return answering((socket) => socket.end(ok(body)), { settings: { values: { n: value } } });
}
