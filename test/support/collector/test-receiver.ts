import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { CollectorConfiguration, KeyConfiguration } from '#collector/config';
import { KeyRing } from '#collector/keys';
import { type CollectorQueue, openCollectorQueue } from '#collector/queue';
import { Receiver } from '#collector/receiver';
import { addOperationRoutes } from '#collector/routes/operation';
import { addOtlpRoutes } from '#collector/routes/otlp';
import { type CollectorServer, startServer } from '#collector/server';
import { Telemetry } from '#collector/receiver/telemetry';
import { type Clock, createSystemClock } from '#lib/clock';
import { newKey, type NewKey } from '#lib/key';
import { createLog } from '#lib/log';
import { decodeStatus, decodeExportResponse, type ExportResponse } from '#lib/otlp/status';
import type { LogRecord, MetricPoint } from '#lib/otlp/model';

const limits: CollectorConfiguration['limits'] = {
  bodyBytesMax: 1024 * 1024,
  inflatedBytesMax: 4 * 1024 * 1024,
  futureMsMax: 3_600_000,
  labelsMax: 32,
  seriesMax: 1000,
  requestsMax: 50,
};

export interface TestReceiverOptions {
  /** A folder of an earlier one, to continue from what it left. */
  readonly directory?: string;
  readonly clock?: Clock;
  readonly limits?: Partial<CollectorConfiguration['limits']>;
  /** Beside the key of agent `eu-west` in region `eu-west`. */
  readonly keys?: readonly KeyConfiguration[];
  readonly tls?: CollectorConfiguration['tls'];
  readonly queue?: { readonly bytesMax: number; readonly required: boolean };
}

/** What a request was answered, in whichever encoding. */
export interface TestAnswer extends ExportResponse {
  readonly status: number;
  readonly headers: Headers;
  /** Of the google.rpc.Status in the body of a failure; 0 with a success. */
  readonly rpcCode: number;
}

export interface TestRequest {
  readonly signal?: 'metrics' | 'logs';
  readonly key?: string;
  readonly type?: string;
  readonly isGzip?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

const agentKey = newKey('eu-west');

/** The receiving half of a collector over real sockets and files, with one sink that the test reads itself. */
export class TestReceiver implements AsyncDisposable {
  readonly directory: string;
  readonly queue: CollectorQueue;
  readonly keys: KeyRing;
  readonly telemetry: Telemetry;
  readonly #server: CollectorServer;
  readonly #keepsDirectory: boolean;

  private constructor(parts: {
    directory: string;
    queue: CollectorQueue;
    keys: KeyRing;
    telemetry: Telemetry;
    server: CollectorServer;
    keepsDirectory: boolean;
  }) {
    this.directory = parts.directory;
    this.queue = parts.queue;
    this.keys = parts.keys;
    this.telemetry = parts.telemetry;
    this.#server = parts.server;
    this.#keepsDirectory = parts.keepsDirectory;
  }

  static async start(options: TestReceiverOptions = {}): Promise<TestReceiver> {
    const { clock = createSystemClock(), queue: bounds } = options;
    const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'farpoint-receiver-'));
    const allLimits = { ...limits, ...options.limits };
    const log = createLog({ level: 'silent' });
    const telemetry = new Telemetry();
    const keys = new KeyRing([keyFor(agentKey), ...(options.keys ?? [])], clock);
    const queue = await openCollectorQueue({
      dataDirectory: directory,
      sinks: [
        {
          name: 'test',
          queue: { bytesMax: 1e9, ageMaxMs: 1e9, required: false, ...bounds },
        },
      ],
      clock,
      report: ({ kind }) => telemetry.incidents.add(1, { kind }),
    });
    const receiver = new Receiver({ limits: allLimits, queue, clock, telemetry, log });
    const server = await startServer({
      listen: { host: '127.0.0.1', port: 0 },
      tls: options.tls,
      log,
      addRoutes: (app) => {
        addOtlpRoutes(app, { receiver, keys, limits: allLimits, clock, telemetry, log });
        addOperationRoutes(app, {
          trouble: () => receiver.trouble,
          metrics: () => telemetry.families,
          labels: { collector: 'test' },
        });
      },
    });
    const keepsDirectory = options.directory !== undefined;
    return new TestReceiver({ directory, queue, keys, telemetry, server, keepsDirectory });
  }

  get url(): string {
    return this.#server.url;
  }

  /** The key of agent `eu-west`. */
  get key(): string {
    return agentKey.text;
  }

  async post(body: Uint8Array | string, request: TestRequest = {}): Promise<TestAnswer> {
    const { signal = 'metrics', key = this.key, isGzip = false } = request;
    const type = request.type ?? (typeof body === 'string' ? 'application/json' : protobufType);
    const answer = await fetch(`${this.url}/v1/${signal}`, {
      method: 'POST',
      headers: {
        'content-type': type,
        authorization: `Bearer ${key}`,
        ...(isGzip ? { 'content-encoding': 'gzip' } : {}),
        ...request.headers,
      },
      body: isGzip ? gzipSync(body) : Buffer.from(body),
    });
    return readAnswer(answer);
  }

  /** Posts as an agent does, with the positions of its outbox that the body covers. */
  async postNumbered(
    body: Uint8Array,
    [first, last]: readonly [number, number],
    request: TestRequest & { readonly outbox?: string } = {},
  ): Promise<TestAnswer & { readonly through: number }> {
    const headers = {
      ...request.headers,
      'farpoint-outbox': request.outbox ?? 'outbox-1',
      'farpoint-sequence': `${first}-${last}`,
    };
    const answer = await this.post(body, { ...request, headers });
    return { ...answer, through: Number(answer.headers.get('farpoint-accepted-through')) };
  }

  /** Everything accepted since the last call. */
  async takePoints(): Promise<readonly MetricPoint[]> {
    return (await this.#take()).points;
  }

  async takeLogs(): Promise<readonly LogRecord[]> {
    return (await this.#take()).logs;
  }

  /** A counter's value; labels left out match any. */
  count(name: string, labels: Readonly<Record<string, string>> = {}): number {
    const family = this.telemetry.families.find(({ metric }) => metric.name === name);
    const samples = family?.samples ?? [];
    return samples
      .filter((sample) =>
        Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
      )
      .reduce((sum, { value }) => sum + value, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
    await this.queue[Symbol.asyncDispose]();
    if (!this.#keepsDirectory) rmSync(this.directory, { recursive: true, force: true });
  }

  async #take(): Promise<{ points: readonly MetricPoint[]; logs: readonly LogRecord[] }> {
    const points: MetricPoint[] = [];
    const logs: LogRecord[] = [];
    const source = this.queue.source('test');
    while (this.queue.statistics('test').pendingBlocks > 0) {
      const pending = await source.next(AbortSignal.timeout(5000));
      points.push(...pending.batch.points);
      logs.push(...pending.batch.logs);
      await pending.acknowledge();
    }
    return { points, logs };
  }
}

const protobufType = 'application/x-protobuf';

/** The collector's line for a key; without agents it is a stranger's. */
export function keyFor(
  { id, sha256 }: NewKey,
  rest: Partial<KeyConfiguration> = { agents: [id], regions: [id] },
): KeyConfiguration {
  return { id, sha256, agents: [], regions: [], scopes: [], expiresUnixMs: undefined, ...rest };
}

async function readAnswer(answer: Response): Promise<TestAnswer> {
  const { status, headers } = answer;
  const body = Buffer.from(await answer.arrayBuffer());
  const isJson = headers.get('content-type') === 'application/json';
  if (status !== 200) {
    const { code, message } = isJson ? JSON.parse(body.toString()) : decodeStatus(body);
    return { status, headers, rpcCode: code, rejected: 0, message };
  }
  if (!isJson) return { status, headers, rpcCode: 0, ...decodeExportResponse(body) };
  const { partialSuccess = {} } = JSON.parse(body.toString());
  const { rejectedDataPoints = '0', errorMessage = '' } = partialSuccess;
  return {
    status,
    headers,
    rpcCode: 0,
    rejected: Number(rejectedDataPoints),
    message: errorMessage,
  };
}
