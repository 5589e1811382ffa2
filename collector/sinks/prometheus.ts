import { hostname } from 'node:os';
import { compress } from 'snappy';
import { type Dispatcher, Pool } from 'undici';
import { z } from 'zod';
import type { Clock } from '#lib/clock';
import { messageOf } from '#lib/error-message';
import type { MetricPoint } from '#lib/otlp/model';
import { ProtobufWriter } from '#lib/protobuf/writer';
import { headerName, headerValue } from '#lib/http-header';
import { duration, secret } from '#lib/scalars';
import { unlessAborted } from '#lib/unless-aborted';
import { type Answer, deliveryOf } from './prometheus/answer.ts';
import { inspectBackend } from './prometheus/inspection.ts';
import { SeriesTable, UnwritableName } from './prometheus/series.ts';
import { encodeWriteRequest } from './prometheus/write-request.ts';
import { type Batch, defineSink, type Delivery, type Sink, type SinkSpec } from './sink.ts';

const protocolHeaders = {
  'content-type': 'application/x-protobuf',
  'content-encoding': 'snappy',
  'user-agent': 'farpoint',
  'x-prometheus-remote-write-version': '0.1.0',
};

const settings = z.strictObject({
  url: z
    .url({ protocol: /^https?$/, error: 'expected an http:// or https:// address' })
    .refine(isWithoutCredentials, { error: 'credentials belong under auth, not into the address' })
    .describe('Where remote write is received, for example http://prometheus:9090/api/v1/write'),
  auth: z
    .strictObject({
      basic: z.strictObject({ username: z.string().min(1), password: secret }).optional(),
      bearer: headerValue.optional().describe('Sent as Authorization: Bearer'),
    })
    .refine(({ basic, bearer }) => (basic === undefined) !== (bearer === undefined), {
      error: 'expected one of basic and bearer',
    })
    .optional(),
  headers: z
    .record(headerName, headerValue)
    .refine((headers) => reservedIn(headers) === undefined, {
      error: ({ input }) => `${reservedIn(input)} is set by Farpoint (see auth)`,
    })
    .prefault({})
    .describe('Sent with every request, for example X-Scope-OrgID of a Mimir tenant'),
  timeout: duration.prefault('30s').describe('How long one request may take in all'),
});

type Settings = z.output<typeof settings>;

/** True for what is no address at all, which another rule refuses. */
function isWithoutCredentials(text: string): boolean {
  const url = URL.parse(text);
  return url === null || (url.username === '' && url.password === '');
}

/** Remote write 1.0, to Prometheus, VictoriaMetrics, Mimir, Thanos and whatever else speaks it. */
export const prometheus = defineSink({
  type: 'prometheus',
  summary: 'Writes metrics to Prometheus, VictoriaMetrics, Mimir or Thanos by remote write.',
  settings,
  create: (spec) => Promise.resolve(new PrometheusSink(spec)),
});

/** Logs have no place in Prometheus and are left alone. */
class PrometheusSink implements Sink {
  /** One request a delivery, so that it is stored or refused as a whole. */
  readonly itemsMax = 5_000;
  readonly #clock: Clock;
  readonly #url: URL;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #timeoutMs: number;
  readonly #series: SeriesTable;
  readonly #writer = new ProtobufWriter();
  readonly #closed = new AbortController();
  readonly #pool: Pool;

  constructor({ settings: { url, auth, headers, timeout }, ...spec }: SinkSpec<Settings>) {
    const { labels, clock, createLookup } = spec;
    this.#clock = clock;
    this.#url = new URL(url);
    this.#headers = { ...reveal(headers), ...authorization(auth) };
    this.#timeoutMs = timeout;
    this.#series = new SeriesTable(labels);
    this.#pool = new Pool(this.#url.origin, {
      connections: 2,
      allowH2: false,
      ...(createLookup && { connect: { lookup: createLookup(this.#closed.signal) } }),
    });
  }

  async deliver({ points }: Batch, signal: AbortSignal): Promise<Delivery> {
    if (points.length === 0) return { kind: 'delivered' };
    const groups = this.#series.group(points);
    if (groups instanceof UnwritableName) return { kind: 'rejected', error: groups };
    const body = await compress(encodeWriteRequest(groups, this.#writer));
    try {
      const answer = await this.#request(
        {
          method: 'POST',
          path: `${this.#url.pathname}${this.#url.search}`,
          headers: { ...this.#headers, ...protocolHeaders },
          body,
        },
        signal,
      );
      return deliveryOf(answer, this.#clock.unixMs());
    } catch (error) {
      return { kind: 'retry', error: this.#unreachable(error) };
    }
  }

  canary(unixMs: number): Batch {
    const point: MetricPoint = {
      resource: { 'service.name': 'farpoint', 'service.instance.id': hostname() },
      name: 'farpoint.sink.canary',
      unit: '',
      description: 'Written to find out whether a backend takes anything at all.',
      kind: 'gauge',
      monotonic: false,
      attributes: {},
      startUnixNano: 0n,
      timeUnixNano: BigInt(Math.floor(unixMs)) * 1_000_000n,
      value: 1,
    };
    return { points: [point], logs: [] };
  }

  inspect(signal: AbortSignal): Promise<readonly string[]> {
    return inspectBackend(this.#url.pathname, (path) =>
      this.#request({ method: 'GET', path, headers: this.#headers }, signal),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
    await this.#pool.destroy();
  }

  async #request(options: Dispatcher.RequestOptions, signal: AbortSignal): Promise<Answer> {
    const either = AbortSignal.any([signal, AbortSignal.timeout(this.#timeoutMs)]);
    // undici notices the signal only once it is connected, which may take its time.
    const response = await unlessAborted(
      this.#pool.request({ ...options, signal: either }),
      either,
    );
    if (response === undefined) throw either.reason;
    const { statusCode, headers, body } = response;
    const retryAfter = headers['retry-after'];
    return {
      status: statusCode,
      retryAfter: typeof retryAfter === 'string' ? retryAfter : undefined,
      text: await firstBytes(body),
    };
  }

  #unreachable(error: unknown): Error {
    return new Error(`cannot write to ${this.#url.origin}: ${messageOf(error)}`, { cause: error });
  }
}

/** Room for the configuration of a large Prometheus; of an error only the first line is shown. */
const textBytesMax = 1024 * 1024;

/** What the status says stands, whatever becomes of the body. */
async function firstBytes(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body) {
      chunks.push(chunk);
      bytes += chunk.byteLength;
      if (bytes >= textBytesMax) break;
    }
  } catch {
    // Cut short by the backend, or by the timeout.
  }
  return Buffer.concat(chunks).subarray(0, textBytesMax).toString();
}

function reveal(headers: Settings['headers']): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value.reveal()]));
}

function authorization(auth: Settings['auth']): Readonly<Record<string, string>> {
  if (auth?.bearer !== undefined) return { authorization: `Bearer ${auth.bearer.reveal()}` };
  if (auth?.basic === undefined) return {};
  const { username, password } = auth.basic;
  const credentials = Buffer.from(`${username}:${password.reveal()}`).toString('base64');
  return { authorization: `Basic ${credentials}` };
}

function reservedIn(headers: unknown): string | undefined {
  const reserved = ['authorization', 'host', 'content-length', ...Object.keys(protocolHeaders)];
  return Object.keys(headers ?? {}).find((name) => reserved.includes(name));
}
