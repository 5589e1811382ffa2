import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { decodeMetrics } from '#lib/otlp/metrics';
import type { DecodeLimits } from '#lib/otlp/limits';
import type { MetricPoint } from '#lib/otlp/model';

const limits: DecodeLimits = {
  items: 1e6,
  attributes: 64,
  name: 1024,
  value: 65_536,
  buckets: 1000,
};

/**
 * Stands between agents and the collector, passes everything on, and keeps what the collector
 * acknowledged: the list against which a backend's content is held.
 */
export class RecordingProxy implements AsyncDisposable {
  readonly url: string;
  /** Points of every request that was answered 200, in order of the answers. */
  readonly acknowledged: MetricPoint[] = [];
  readonly #server: Server;

  private constructor(server: Server, upstream: () => string) {
    this.#server = server;
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
    this.url = `http://127.0.0.1:${address.port}`;
    server.on('request', (request, response) => {
      this.#pass(request, response, upstream()).catch(() => response.destroy());
    });
  }

  static async start(upstream: () => string): Promise<RecordingProxy> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new RecordingProxy(server, upstream);
  }

  async #pass(request: IncomingMessage, response: ServerResponse, upstream: string): Promise<void> {
    const body = await buffer(request);
    const headers = new Headers();
    for (const [name, value] of Object.entries(request.headers)) {
      if (
        typeof value === 'string' &&
        !['host', 'connection', 'content-length', 'transfer-encoding'].includes(name)
      ) {
        headers.set(name, value);
      }
    }
    const answer = await fetch(`${upstream}${request.url}`, {
      method: request.method ?? 'POST',
      headers,
      body,
    });
    const answerBody = Buffer.from(await answer.arrayBuffer());
    if (answer.status === 200 && request.url === '/v1/metrics') this.#keep(request, body);
    const answerHeaders = [...answer.headers].filter(
      ([name]) => !['connection', 'content-length', 'transfer-encoding'].includes(name),
    );
    response.writeHead(answer.status, Object.fromEntries(answerHeaders)).end(answerBody);
  }

  #keep(request: IncomingMessage, body: Buffer): void {
    const plain = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
    this.acknowledged.push(...decodeMetrics(plain, limits).points);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }
}
