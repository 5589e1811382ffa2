import { createWriteStream, type WriteStream } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { AddressInfo } from 'node:net';
import { type Act, slowMs, unluckyRegion } from './script.ts';

const archive = Buffer.alloc(512 * 1024, 'farpoint demo archive\n');

/**
 * The monitored service of the demo: a page, a download and an API over HTTP on loopback, with an
 * access log as nginx writes it. It plays one act at a time; in the act `down` nothing listens.
 */
export class SampleService implements AsyncDisposable {
  readonly port: number;
  #act: Act['name'] = 'healthy';
  #server: Server | undefined;
  readonly #accessLog: WriteStream;

  private constructor(port: number, server: Server, accessLog: WriteStream) {
    this.port = port;
    this.#server = server;
    this.#accessLog = accessLog;
    this.#answerOn(server);
  }

  /** Starts on a free port of 127.0.0.1. */
  static async start(accessLogFile: string): Promise<SampleService> {
    const server = await listen(0);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a listening TCP server's address
    const { port } = server.address() as AddressInfo;
    return new SampleService(port, server, createWriteStream(accessLogFile, { flags: 'a' }));
  }

  /** Changes what the service does from the next request on. */
  async play(act: Act['name']): Promise<void> {
    this.#act = act;
    if (act === 'down') await this.#close();
    else if (this.#server === undefined) {
      this.#server = await listen(this.port);
      this.#answerOn(this.#server);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
    this.#accessLog.end();
    await once(this.#accessLog, 'close');
  }

  #answerOn(server: Server): void {
    server.on('request', (request, response) => void this.#answer(request, response));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const startedMs = performance.now();
    response.on('close', () => this.#log(request, response, performance.now() - startedMs));
    if (this.#act === 'slow') await delay(slowMs);
    const region = request.headers['x-demo-region'];
    if (this.#act === 'broken in one region' && region === unluckyRegion) {
      send(response, 503, 'text/plain', Buffer.from('no backend in this region\n'));
    } else if (request.url === '/archive.bin') {
      send(response, 200, 'application/octet-stream', archive);
    } else if (request.url === '/') {
      send(response, 200, 'text/html', Buffer.from('<h1>Sample service</h1>\n<p>Sign in</p>\n'));
    } else {
      send(response, 404, 'text/plain', Buffer.from('not found\n'));
    }
  }

  /** One line in nginx's predefined format `combined`, with the request time at its end. */
  #log(request: IncomingMessage, response: ServerResponse, durationMs: number): void {
    const client = request.socket.remoteAddress ?? '-';
    const bytes = Number(response.getHeader('content-length') ?? 0);
    const agent = request.headers['user-agent'] ?? '-';
    const line = `${request.method} ${request.url} HTTP/${request.httpVersion}`;
    this.#accessLog.write(
      `${client} - - [${nginxTime(new Date())}] "${line}" ${response.statusCode} ${bytes} "-" "${agent}" ${(durationMs / 1000).toFixed(3)}\n`,
    );
  }

  async #close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  }
}

async function listen(port: number): Promise<Server> {
  const server = createServer();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function send(response: ServerResponse, status: number, type: string, body: Buffer): void {
  response.writeHead(status, { 'content-type': type, 'content-length': body.length }).end(body);
}

/** `22/Nov/2026:01:02:03 +0000` */
function nginxTime(time: Date): string {
  const [, day, month, year, clock] = time.toUTCString().split(' ');
  return `${day}/${month}/${year}:${clock} +0000`;
}
