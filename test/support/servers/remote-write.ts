import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { uncompressSync } from 'snappy';
import { ProtobufReader } from '#lib/protobuf/reader';
import { freePort } from './real-servers.ts';

export interface ReceivedSample {
  readonly unixMs: number;
  readonly value: number;
  /** The value as it was written: NaN has many. */
  readonly bits: bigint;
}

export interface ReceivedSeries {
  /** In the order they were written. */
  readonly labels: readonly (readonly [name: string, value: string])[];
  readonly samples: readonly ReceivedSample[];
}

export interface ReceivedRequest {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  readonly series: readonly ReceivedSeries[];
  readonly atMs: number;
}

type Respond = (request: ReceivedRequest, response: ServerResponse) => void | Promise<void>;

/** Takes remote write on a free port of loopback, keeps what arrives, and answers as it is told. */
export class RemoteWriteRecorder implements AsyncDisposable {
  readonly requests: ReceivedRequest[] = [];
  respond: Respond;
  #server: Server | undefined;
  readonly #port: number;

  private constructor(port: number, respond: Respond) {
    this.#port = port;
    this.respond = respond;
  }

  static async start(respond: Respond = answer(204)): Promise<RemoteWriteRecorder> {
    const recorder = new RemoteWriteRecorder(await freePort(), respond);
    await recorder.listen();
    return recorder;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/api/v1/write`;
  }

  /** Every sample that was answered with 2xx counts, and others too: what arrived. */
  get series(): readonly ReceivedSeries[] {
    return this.requests.flatMap((request) => request.series);
  }

  async listen(): Promise<void> {
    const server = createServer((request, response) => void this.#receive(request, response));
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#server = server;
  }

  /** Connections are refused until `listen`. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request);
    const { method, url, headers } = request;
    const received = {
      method,
      url,
      headers,
      body,
      series: method === 'POST' ? decodeWriteRequest(body) : [],
      atMs: performance.now(),
    };
    if (method === 'POST') this.requests.push(received);
    await this.respond(received, response);
  }
}

/** Answers everything alike. */
export function answer(
  status: number,
  body = '',
  headers: Readonly<Record<string, string>> = {},
): Respond {
  return (_request, response) => void response.writeHead(status, headers).end(body);
}

export function labelsOf(series: ReceivedSeries): Readonly<Record<string, string>> {
  return Object.fromEntries(series.labels);
}

function decodeWriteRequest(body: Buffer): readonly ReceivedSeries[] {
  const bytes = uncompressSync(body);
  if (typeof bytes === 'string') throw new Error('snappy gave a string');
  const reader = new ProtobufReader(bytes);
  const series: ReceivedSeries[] = [];
  while (reader.more()) {
    if (reader.field() === 1) series.push(within(reader, () => readSeries(reader)));
    else reader.skip();
  }
  return series;
}

function readSeries(reader: ProtobufReader): ReceivedSeries {
  const labels: [string, string][] = [];
  const samples: ReceivedSample[] = [];
  while (reader.more()) {
    const field = reader.field();
    if (field === 1) labels.push(within(reader, () => readLabel(reader)));
    else if (field === 2) samples.push(within(reader, () => readSample(reader)));
    else reader.skip();
  }
  return { labels, samples };
}

function readLabel(reader: ProtobufReader): [string, string] {
  const label: [string, string] = ['', ''];
  while (reader.more()) label[reader.field() - 1] = reader.string();
  return label;
}

function readSample(reader: ProtobufReader): ReceivedSample {
  let bits = 0n;
  let unixMs = 0;
  while (reader.more()) {
    if (reader.field() === 1) bits = reader.fixed64();
    else unixMs = Number(reader.int64());
  }
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, bits);
  return { unixMs, value: view.getFloat64(0), bits };
}

function within<Result>(reader: ProtobufReader, read: () => Result): Result {
  const outer = reader.enter();
  const result = read();
  reader.leave(outer);
  return result;
}
