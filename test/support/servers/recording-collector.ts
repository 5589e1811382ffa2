import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { decodeMetricsJson } from '#lib/otlp/json-metrics';
import { decodeLogs } from '#lib/otlp/logs';
import { decodeMetrics } from '#lib/otlp/metrics';
import type { LogRecord, MetricPoint } from '#lib/otlp/model';
import { freePort } from './real-servers.ts';

const limits = { items: 1e6, attributes: 64, name: 1024, value: 65_536, buckets: 1000 };

export interface RecordedRequest {
  readonly kind: 'metrics' | 'logs';
  readonly headers: IncomingMessage['headers'];
  readonly bytes: number;
  readonly points: readonly MetricPoint[];
  readonly logs: readonly LogRecord[];
}

export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
}

/** What to do with a request; `reset` cuts the connection without a word. */
export type Behaviour = (request: RecordedRequest) => Answer | 'reset' | Promise<Answer | 'reset'>;

/** An OTLP/HTTP endpoint that keeps what it answered with success, and does to requests what a test wants. */
export class RecordingCollector implements AsyncDisposable {
  behave: Behaviour = () => ({});
  /** Every request, whatever became of it. */
  readonly requests: RecordedRequest[] = [];
  /** Points and records of requests that were answered with success, in that order. */
  readonly points: MetricPoint[] = [];
  readonly logs: LogRecord[] = [];
  readonly #server: Server;
  readonly #port: number;

  private constructor(port: number) {
    this.#port = port;
    this.#server = createServer((request, response) => {
      this.#take(request, response).catch(() => response.destroy());
    });
  }

  static async start(): Promise<RecordingCollector> {
    const collector = new RecordingCollector(await freePort());
    await collector.listen();
    return collector;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Comes back on the port it had. */
  async listen(): Promise<void> {
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  /** Goes away: connections are refused from here on. */
  async leave(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) await this.leave();
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const sent = await buffer(request);
    const plain = request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
    const json = request.headers['content-type'] === 'application/json';
    const decode = json ? decodeMetricsJson : decodeMetrics;
    const kind = request.url === '/v1/logs' ? 'logs' : 'metrics';
    const recorded: RecordedRequest = {
      kind,
      headers: request.headers,
      bytes: plain.length,
      points: kind === 'metrics' ? decode(plain, limits).points : [],
      logs: kind === 'logs' ? decodeLogs(plain, limits).records : [],
    };
    this.requests.push(recorded);
    const answer = await this.behave(recorded);
    if (answer === 'reset') return void request.socket.destroy();
    const { status = 200, headers = {}, body = '' } = answer;
    if (status < 300) {
      this.points.push(...recorded.points);
      this.logs.push(...recorded.logs);
    }
    response.writeHead(status, { 'content-type': 'application/x-protobuf', ...headers }).end(body);
  }
}
