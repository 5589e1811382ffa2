import { createServer, type Socket } from 'node:net';
import { http } from '#checks/http';
import { tcp } from '#checks/tcp';
import { serve } from '../support/servers/serve.ts';
import { answering, type Fault, ok, response, soon, type Trouble } from './fault.ts';

export const connectionFaults: readonly Fault[] = [
  { name: 'connect: refused', error: 'connect_refused', open: async () => closedPort() },
  {
    name: 'connect: reset after the connection, before a banner',
    error: 'connect_reset',
    open: () =>
      tcpTrouble((socket) => void socket.resetAndDestroy(), { expect: { contains: 'hello' } }),
  },
  {
    name: 'tcp check: the wrong banner',
    error: 'body_mismatch',
    says: /SSH-2\.0/,
    open: () =>
      tcpTrouble((socket) => void socket.end('SSH-2.0-x\r\n'), { expect: { contains: '220 ' } }),
  },
  {
    name: 'tcp check: no banner',
    error: 'body_timeout',
    open: async () => ({
      ...(await tcpTrouble(() => undefined, { expect: { matches: '^220 ' } })),
      options: soon,
    }),
  },
  {
    name: 'egress: a metadata service',
    error: 'egress_denied',
    open: async () => remote('http://169.254.169.254/latest/meta-data/'),
  },
  {
    name: 'egress: a metadata service as one hexadecimal number',
    error: 'egress_denied',
    open: async () => remote('http://0xA9FEA9FE/'),
  },
  {
    name: 'egress: a metadata service as an IPv4-mapped address',
    error: 'egress_denied',
    open: async () => remote('http://[::ffff:169.254.169.254]/'),
  },
  {
    name: 'egress: a redirect to a metadata service',
    error: 'egress_denied',
    open: () =>
      answering((socket) =>
        socket.end(
          response([
            'HTTP/1.1 302 Found',
            'Location: http://169.254.169.254/',
            'Content-Length: 0',
          ]),
        ),
      ),
  },
  {
    name: 'proxy: refuses to connect us',
    error: 'proxy_refused',
    says: /403/,
    open: () =>
      throughProxy((socket) => socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n')),
  },
  {
    name: 'proxy: hangs up',
    error: 'proxy_refused',
    open: () => throughProxy((socket) => socket.end()),
  },
  {
    name: 'proxy: nobody listens',
    error: 'proxy_refused',
    open: async () => {
      const { target, ...rest } = closedPort();
      return { ...rest, target: 'https://service.test/', settings: { proxy: target } };
    },
  },
  {
    name: 'OAuth 2: the token endpoint denies',
    error: 'auth_failed',
    says: /401/,
    open: () => authorizedBy(response(['HTTP/1.1 401 Unauthorized', 'Content-Length: 0'])),
  },
  {
    name: 'OAuth 2: an answer without a token',
    error: 'auth_failed',
    says: /without an access token/,
    open: () => authorizedBy(ok('{"error":"none"}')),
  },
];

/** No port of a server that is gone: another test's may get it in the meantime. Nobody listens on port 1. */
function closedPort(): Trouble {
  return remote('http://127.0.0.1:1/');
}

async function tcpTrouble(greet: (socket: Socket) => void, settings: object): Promise<Trouble> {
  const server = createServer((socket) => greet(socket.on('error', () => undefined)));
  const serving = await serve(server);
  return {
    check: tcp,
    target: `127.0.0.1:${serving.port}`,
    settings,
    [Symbol.asyncDispose]: () => serving[Symbol.asyncDispose](),
  };
}

function remote(target: string): Trouble {
  return { check: http, target, [Symbol.asyncDispose]: async () => undefined };
}

async function throughProxy(answer: Parameters<typeof answering>[0]): Promise<Trouble> {
  const proxy = await answering(answer);
  return { ...proxy, target: 'https://service.test/', settings: { proxy: proxy.target } };
}

async function authorizedBy(tokenAnswer: Buffer): Promise<Trouble> {
  const endpoint = await answering((socket) => socket.end(tokenAnswer));
  const oauth2 = { url: endpoint.target, id: 'probe', secret: 'secret' };
  return { ...endpoint, settings: { auth: { oauth2 } } };
}
