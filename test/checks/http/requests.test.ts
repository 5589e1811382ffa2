import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  brotliCompressSync,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { http } from '#checks/http';
import { runCheck, services, valuesOf } from '../../support/checks/run-check.ts';
import { certify } from '../../support/servers/certificates.ts';
import { serve, serveHttp, type Serving } from '../../support/servers/serve.ts';

const folder = mkdtempSync(join(tmpdir(), 'farpoint-http-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What a server was asked, one after the other. */
interface Heard {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** Remembers every request, then answers it. */
async function listening(
  answer: (response: ServerResponse, request: IncomingMessage) => void = (response) =>
    void response.end('fine'),
): Promise<Serving & { heard: Heard[] }> {
  const heard: Heard[] = [];
  const serving = await serveHttp((request, response) => {
    let body = '';
    request.on('data', (piece) => (body += String(piece)));
    request.on('end', () => {
      const { method, url, headers } = request;
      heard.push({ method, url, headers, body });
      answer(response, request);
    });
  });
  return { ...serving, heard };
}

describe('what is sent', () => {
  test('method, headers, and a body given as text', async () => {
    await using server = await listening();
    await runCheck(http, `${server.url}a?b=c`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-Probe': 'yes' },
      body: '{"a":1}',
    });
    expect(server.heard).toMatchObject([
      {
        method: 'POST',
        url: '/a?b=c',
        body: '{"a":1}',
        headers: {
          'content-type': 'application/json',
          'x-probe': 'yes',
          'user-agent': 'Farpoint',
          'content-length': '7',
          connection: 'keep-alive',
        },
      },
    ]);
  });

  test('a body from a file, read at every run', async () => {
    await using server = await listening();
    const file = join(folder, 'body.txt');
    writeFileSync(file, 'one');
    await runCheck(http, server.url, { method: 'PUT', body: { file } });
    writeFileSync(file, 'two');
    await runCheck(http, server.url, { method: 'PUT', body: { file } });
    expect(server.heard.map(({ body }) => body)).toEqual(['one', 'two']);
  });

  test('a body file that is missing is our trouble, not that of the target', async () => {
    const { verdict } = await runCheck(http, 'http://127.0.0.1:1/', {
      method: 'PUT',
      body: { file: join(folder, 'missing') },
    });
    expect(verdict).toMatchObject({ status: 'unknown', error: 'agent_error' });
  });

  test('basic and bearer credentials', async () => {
    await using server = await listening();
    await runCheck(http, server.url, { auth: { basic: { user: 'a', password: 'b:c' } } });
    await runCheck(http, server.url, { auth: { bearer: 'token' } });
    expect(server.heard.map(({ headers }) => headers.authorization)).toEqual([
      `Basic ${Buffer.from('a:b:c').toString('base64')}`,
      'Bearer token',
    ]);
  });

  test('what no request can carry is refused where it is written, and is our trouble where it is granted', async () => {
    expect(http.settings.safeParse({ headers: { 'X-A': 'two\nlines' } }).success).toBe(false);
    expect(http.settings.safeParse({ auth: { bearer: 'two\nlines' } }).success).toBe(false);
    await using issuer = await listening((response) =>
      response.end(JSON.stringify({ access_token: 'two\nlines' })),
    );
    await using server = await listening();
    const oauth2 = { url: issuer.url, id: 'me', secret: 'hush' };
    const { verdict } = await runCheck(http, server.url, { auth: { oauth2 } });
    expect(verdict).toMatchObject({ status: 'unknown', error: 'agent_error' });
  });

  test('a parameter that differs in every run', async () => {
    await using server = await listening();
    for (let run = 0; run < 2; run += 1) {
      await runCheck(http, `${server.url}?page=1`, { fresh: true });
    }
    const [first, second] = server.heard.map(({ url }) => url);
    expect(first).toMatch(/^\/\?page=1&farpoint=[\da-f-]{36}$/);
    expect(second).not.toBe(first);
  });

  test('an OAuth 2 token, fetched once for as long as it is good', async () => {
    await using issuer = await listening((response) =>
      response.end(JSON.stringify({ access_token: 'granted', expires_in: 3600 })),
    );
    await using server = await listening();
    const oauth2 = {
      url: `${issuer.url}token`,
      id: 'me',
      secret: 'hush',
      scopes: ['read', 'list'],
    };
    const settings = http.settings.parse({ auth: { oauth2 } });
    const check = await http.create(
      { name: 'x', target: server.url, settings, timeoutMs: 5000 },
      services,
    );
    const run = { signal: AbortSignal.timeout(5000), state: undefined, waiting: () => undefined };
    const observation = await check.run(run);
    await check.run(run);
    expect(issuer.heard).toMatchObject([
      {
        method: 'POST',
        url: '/token',
        body: 'grant_type=client_credentials&scope=read+list',
        headers: { authorization: `Basic ${Buffer.from('me:hush').toString('base64')}` },
      },
    ]);
    expect(server.heard.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer granted',
      'Bearer granted',
    ]);
    expect(valuesOf(observation)).toMatchObject({ 'probe.http.redirects': 0 });
  });

  test('an OAuth 2 token that the service no longer takes is fetched anew for the next run', async () => {
    let granted = 0;
    await using issuer = await listening((response) => {
      granted += 1;
      response.end(JSON.stringify({ access_token: `token-${granted}`, expires_in: 3600 }));
    });
    await using server = await listening((response, { headers }) => {
      response.writeHead(headers.authorization === 'Bearer token-2' ? 200 : 401).end();
    });
    const oauth2 = { url: issuer.url, id: 'me', secret: 'hush' };
    const settings = http.settings.parse({ auth: { oauth2 } });
    const spec = { name: 'x', target: server.url, settings, timeoutMs: 5000 };
    const check = await http.create(spec, services);
    const run = { signal: AbortSignal.timeout(5000), state: undefined, waiting: () => undefined };
    const verdicts = [await check.run(run), await check.run(run), await check.run(run)];
    expect(verdicts.map(({ verdict }) => verdict.status)).toEqual(['down', 'up', 'up']);
    expect(granted).toBe(2);
  });
});

describe('redirects', () => {
  const redirecting = (
    location: string,
    status = 302,
    headers = {},
  ): ReturnType<typeof listening> =>
    listening((response, request) => {
      if (request.url === '/') response.writeHead(status, { location, ...headers });
      response.end('fine');
    });

  test('are followed, and each hop is timed', async () => {
    await using server = await redirecting('/next');
    const observation = await runCheck(http, server.url);
    expect(observation.verdict).toEqual({ status: 'up' });
    const values = valuesOf(observation);
    expect(values).toMatchObject({ 'probe.http.redirects': 1, 'probe.http.status.code': 200 });
    for (const phase of ['resolve', 'connect', 'processing', 'transfer']) {
      const hops = [0, 1].map((hop) =>
        Number(values[`probe.http.hop.duration{hop=${hop},phase=${phase}}`]),
      );
      expect(hops[0]! + hops[1]!).toBeCloseTo(
        Number(values[`probe.http.duration{phase=${phase}}`]),
        9,
      );
    }
  });

  test('are the answer where they are not to be followed', async () => {
    await using server = await redirecting('/next');
    const { verdict } = await runCheck(http, server.url, {
      redirects: 0,
      expect: { status: [302], headers: { location: '/next' } },
    });
    expect(verdict).toEqual({ status: 'up' });
    expect(server.heard).toHaveLength(1);
  });

  test.each([
    [301, 'POST', 'GET', ''],
    [302, 'POST', 'GET', ''],
    [303, 'PUT', 'GET', ''],
    [307, 'POST', 'POST', 'data'],
    [308, 'PUT', 'PUT', 'data'],
  ])('%i of a %s becomes %s with body %j', async (status, method, then, body) => {
    await using server = await redirecting('/next', status);
    await runCheck(http, server.url, { method, body: 'data' });
    expect(server.heard[1]).toMatchObject({ method: then, body });
  });

  test.each([
    ['UTF-8', Buffer.from('/größe?ä=1').toString('latin1'), '/gr%C3%B6%C3%9Fe?%C3%A4=1'],
    ['what is no UTF-8', '/gr\u00f6\u00dfe', '/gr%C3%B6%C3%9Fe'],
  ])('lead where a browser goes: %s', async (_name, location, url) => {
    await using server = await redirecting(location);
    await runCheck(http, server.url);
    expect(server.heard[1]).toMatchObject({ url });
  });

  test('cookies go along', async () => {
    await using server = await redirecting('/next', 302, { 'set-cookie': ['a=1; Path=/', 'b=2'] });
    await runCheck(http, server.url);
    expect(server.heard.map(({ headers }) => headers.cookie)).toEqual([undefined, 'a=1; b=2']);
  });

  test('a redirect to itself is no loop when it set a cookie', async () => {
    await using server = await listening((response, request) => {
      if (request.headers.cookie === undefined) {
        response.writeHead(302, { location: '/', 'set-cookie': 'seen=1' });
      }
      response.end();
    });
    expect((await runCheck(http, server.url)).verdict).toEqual({ status: 'up' });
  });

  test('another origin gets no credentials, neither ever again', async () => {
    await using other = await listening((response, request) => {
      if (request.url === '/') response.writeHead(302, { location: '/once-more' });
      response.end();
    });
    await using server = await redirecting(other.url);
    await runCheck(http, server.url, {
      auth: { bearer: 'token' },
      headers: { 'X-Api-Key': 'hush', Cookie: 'session=1', Accept: 'text/html' },
    });
    expect(server.heard[0]?.headers).toMatchObject({
      authorization: 'Bearer token',
      'x-api-key': 'hush',
      cookie: 'session=1',
    });
    expect(other.heard).toHaveLength(2);
    for (const { headers } of other.heard) {
      expect(headers).toMatchObject({ accept: 'text/html' });
      expect(Object.keys(headers)).not.toEqual(
        expect.arrayContaining([expect.stringMatching(/authorization|x-api-key|cookie/)]),
      );
    }
  });
});

describe('before the certificate is verified', () => {
  test('nothing is sent, no request and no credential', async () => {
    const { certificate, key } = certify({ name: 'self', hosts: ['127.0.0.1'] });
    let requests = 0;
    const server = createTlsServer({ cert: certificate, key }, () => (requests += 1));
    let bytes = 0;
    server.on('secureConnection', (socket) => socket.on('data', (data) => (bytes += data.length)));
    await using serving = await serve(server);
    const { verdict, evidence } = await runCheck(http, `https://127.0.0.1:${serving.port}/`, {
      auth: { bearer: 'token' },
    });
    expect(verdict).toMatchObject({ error: 'tls_self_signed' });
    expect(evidence).toMatchObject({ certificate_subject: 'CN=self', certificate_trusted: false });
    expect({ requests, bytes }).toEqual({ requests: 0, bytes: 0 });
  });

  test('unless it is to be believed unseen', async () => {
    const { certificate, key } = certify({ name: 'self', hosts: ['127.0.0.1'] });
    const server = createTlsServer({ cert: certificate, key }, (_request, response) =>
      response.end(),
    );
    await using serving = await serve(server);
    const { verdict } = await runCheck(http, `https://127.0.0.1:${serving.port}/`, {
      tls: { verify: false },
    });
    expect(verdict).toEqual({ status: 'up' });
  });
});

describe('what comes', () => {
  const text = 'x'.repeat(20_000);

  test.each(['HEAD', 'GET'])('nothing is decompressed where nothing comes: %s', async (method) => {
    await using server = await listening((response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(),
    );
    const { verdict } = await runCheck(http, server.url, { method, compression: true });
    expect(verdict).toEqual({ status: 'up' });
  });

  test.each([
    ['gzip', gzipSync(text)],
    ['br', brotliCompressSync(text)],
    ['zstd', zstdCompressSync(text)],
    ['deflate', deflateSync(text)],
    ['deflate', deflateRawSync(text)],
    ['gzip, br', brotliCompressSync(gzipSync(text))],
  ])('%s is decompressed, and counted before and after', async (coding, body) => {
    await using server = await listening((response) =>
      response.writeHead(200, { 'content-encoding': coding }).end(body),
    );
    const observation = await runCheck(http, server.url, {
      compression: true,
      expect: { body: { matches: '^x+$' }, size: { min: '20kB', max: '20kB' } },
    });
    expect(observation.verdict).toEqual({ status: 'up' });
    expect(server.heard[0]?.headers['accept-encoding']).toContain('gzip');
    expect(valuesOf(observation)).toMatchObject({
      'probe.http.body.size': body.length,
      'probe.http.content.length': -1,
      'probe.http.uncompressed.body.length': 20_000,
    });
  });

  test('values from JSON, HTML, headers and plain text', async () => {
    await using server = await listening((response, request) => {
      response.setHeader('x-records', '12');
      if (request.url === '/json') response.end('{"counts":{"bytes":1.5e12},"ok":true}');
      else
        response.end('<p data-n="7">Records: <b id="n">1,234,567</b></p>Active connections: 291');
    });
    const json = await runCheck(http, `${server.url}json`, {
      values: {
        bytes: { json: 'counts.bytes', unit: 'By', expect: { min: '1TB', max: '40TiB' } },
        ok: { json: 'ok' },
      },
    });
    expect(json.verdict).toEqual({ status: 'up' });
    expect(valuesOf(json)).toMatchObject({
      'probe.value{name=bytes,unit=By}': 1.5e12,
      'probe.value{name=ok,unit=}': 1,
    });
    const page = await runCheck(http, server.url, {
      values: {
        shown: { css: '#n', expect: { min: 1 } },
        attribute: { css: 'p', attribute: 'data-n' },
        header: { header: 'X-Records' },
        active: { regex: 'Active connections: (\\d+)' },
      },
    });
    expect(page.verdict).toEqual({ status: 'up' });
    expect(valuesOf(page)).toMatchObject({
      'probe.value{name=shown,unit=}': 1_234_567,
      'probe.value{name=attribute,unit=}': 7,
      'probe.value{name=header,unit=}': 12,
      'probe.value{name=active,unit=}': 291,
    });
  });

  test('all expectations are evaluated, and the earliest is the reason', async () => {
    await using server = await listening((response) => response.writeHead(500).end('{"a":1}'));
    const { verdict } = await runCheck(http, server.url, {
      expect: {
        headers: { etag: { present: true } },
        body: { contains: 'hello', matches: '^x' },
        json: ['a = 2', { value: 'a', equals: 1 }],
        size: { min: '1KiB' },
        sha256: '0'.repeat(64),
      },
      values: { b: { json: 'b' } },
    });
    expect(verdict).toMatchObject({ status: 'down', error: 'http_status' });
    const reasons = verdict.status === 'up' ? [] : verdict.message.split('; ');
    expect(reasons.map((reason) => reason.slice(0, 14))).toEqual([
      'the status is ',
      'the header eta',
      'the body does ',
      'the body does ',
      'a = 2 gives fa',
      'the SHA-256 is',
      'the body has 7',
      'there is no va',
    ]);
  });
});

test('through a proxy: the whole URL for http, and the proxy alone is asked to let us in', async () => {
  await using server = await listening();
  const asked: string[] = [];
  const proxy = createServer((client) => {
    client.on('error', () => undefined);
    client.once('data', (head) => {
      asked.push(head.toString('latin1'));
      const upstream = connect(server.port, '127.0.0.1', () => upstream.end(head));
      upstream.on('error', () => undefined).pipe(client);
    });
  });
  await using serving = await serve(proxy);
  const { verdict } = await runCheck(http, server.url, {
    proxy: { url: serving.url, user: 'me', password: 'hush' },
  });
  expect(verdict).toEqual({ status: 'up' });
  expect(asked[0]).toContain(`GET ${server.url} HTTP/1.1`);
  expect(asked[0]).toMatch(/proxy-authorization: Basic bWU6aHVzaA==/i);
});
