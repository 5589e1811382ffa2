import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { tcp } from '#checks/tcp';
import { formatObservations } from '../support/checks/formatted-observation.ts';
import { runCheck } from '../support/checks/run-check.ts';
import { serve } from '../support/servers/serve.ts';

test('golden: a connection, a banner that is not the right one, nobody there', async () => {
  await using server = await serve(createServer((socket) => socket.end('220 ready\r\n')));
  const target = `127.0.0.1:${server.port}`;
  const good = await runCheck(tcp, target, {
    expect: { contains: '220 ', matches: '^\\d+ ready' },
  });
  const wrong = await runCheck(tcp, target, { expect: { contains: '250 ' } });
  await server[Symbol.asyncDispose]();
  const gone = await runCheck(tcp, target);
  await expect(
    formatObservations({ up: good, 'the wrong banner': wrong, 'nobody there': gone }),
  ).toMatchFileSnapshot('../golden/tcp.txt');
});

test('sends what is to be sent, and waits for an answer that comes in pieces', async () => {
  const heard: string[] = [];
  const server = createServer((socket) => {
    socket.once('data', (data) => {
      heard.push(data.toString());
      socket.write('PO', () => setTimeout(() => socket.write('NG\r\n'), 20));
    });
  });
  await using serving = await serve(server);
  const { verdict } = await runCheck(tcp, `127.0.0.1:${serving.port}`, {
    send: 'PING\r\n',
    expect: { contains: 'PONG' },
  });
  expect(verdict).toEqual({ status: 'up' });
  expect(heard).toEqual(['PING\r\n']);
});

test.each([
  ['example.org:443', undefined],
  ['[2001:db8::1]:443', undefined],
  ['192.0.2.1:65535', undefined],
  ['example.org', 'host:port'],
  ['example.org:0', 'host:port'],
  ['example.org:65536', 'host:port'],
  ['https://example.org', 'URL'],
  ['user@example.org:22', 'host:port'],
])('target %s: %s', (target, complaint) => {
  if (complaint === undefined) expect(tcp.validateTarget(target)).toBeUndefined();
  else expect(tcp.validateTarget(target)).toContain(complaint);
});
