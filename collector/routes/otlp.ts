import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '#lib/clock';
import type { Logger } from '#lib/log';
import type { CollectorConfiguration } from '../config.ts';
import { type Identity, type KeyRing, mayWrite } from '../keys.ts';
import { type OutboxRange, type Signal, signals } from '../queue/block.ts';
import type { Encoding, ExportAnswer, Receiver } from '../receiver.ts';
import type { Telemetry } from '../receiver/telemetry.ts';
import { encodingOf, type Failure, failureBody, mediaTypes, successBody } from './answer.ts';
import { BodyMemory, RequestBody } from './body.ts';

/*
 * The OTLP/HTTP receiver (opentelemetry-proto, docs/specification.md), for agents of Farpoint and for
 * any other OpenTelemetry exporter.
 *
 * A request of a Farpoint agent also says which positions of its outbox it covers:
 *
 *     Farpoint-Outbox             id of the outbox
 *     Farpoint-Sequence           FIRST-LAST, both included
 *
 * may say
 *
 *     Farpoint-Clock-Offset       by how many milliseconds its clock is ahead of the collector's
 *
 * and is answered with
 *
 *     Farpoint-Accepted-Through   everything up to this position is on disk here. When it is below
 *                                 LAST, nothing of this request was stored: send the rest again
 *     Farpoint-Time               the collector's clock, milliseconds since the epoch (on every answer)
 */

export interface OtlpRoutesOptions {
  readonly receiver: Receiver;
  readonly keys: KeyRing;
  readonly limits: CollectorConfiguration['limits'];
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly log: Logger;
}

/** Parsed JSON takes many times the memory of its text. */
const jsonBytesMax = 16 * 1024 * 1024;

/** All bodies together may take the memory of so many of the largest. */
const largestRequestsMax = 4;

/** Adds `POST /v1/metrics` and `POST /v1/logs`. */
export function addOtlpRoutes(app: FastifyInstance, options: OtlpRoutesOptions): void {
  app.register((scope, _options, done) => {
    // Bodies are read by the handler, once it is known who sends them.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, parsed) => parsed(null));
    const routes = new OtlpRoutes(options);
    for (const signal of signals) routes.add(scope, signal);
    done();
  });
}

/** What becomes of a request, before it is put into bytes. */
type Outcome = Failure | (Extract<ExportAnswer, { kind: 'accepted' }> & { readonly code: 200 });

class OtlpRoutes {
  readonly #options: OtlpRoutesOptions;
  readonly #memory: BodyMemory;
  /** Requests in work, by key. */
  readonly #inWork = new Map<string, number>();

  constructor(options: OtlpRoutesOptions) {
    this.#options = options;
    this.#memory = new BodyMemory(largestRequestsMax * options.limits.inflatedBytesMax);
  }

  add(app: FastifyInstance, signal: Signal): void {
    const url = `/v1/${signal}`;
    app.route({
      method: 'POST',
      url,
      handler: async (request, reply) =>
        this.#answer(await this.#serve(signal, request), { signal, request, reply }),
      errorHandler: (error, request, reply) => {
        this.#answer(this.#failureOf(error), { signal, request, reply });
      },
    });
    app.route({
      method: app.supportedMethods.filter((method) => method !== 'POST'),
      url,
      handler: (request, reply) => {
        const failure = { code: 405, message: `send POST, not ${request.method}` } as const;
        return this.#answer(failure, { signal, request, reply });
      },
    });
  }

  async #serve(signal: Signal, request: FastifyRequest): Promise<Outcome> {
    const { keys, telemetry } = this.#options;
    const authentication = keys.authenticate(request.headers.authorization);
    if (authentication.kind === 'rejected') {
      telemetry.keysRejected.add(1, { reason: authentication.reason });
      return { code: 401, message: 'no valid key' };
    }
    const { identity } = authentication;
    if (!mayWrite(identity)) {
      telemetry.keysRejected.add(1, { reason: 'scope' });
      return { code: 403, message: 'this key is not for writing' };
    }
    const form = formOf(request);
    if ('code' in form) return form;
    using work = this.#startWork(identity);
    if (work === undefined) return { code: 429, message: 'too many requests at once' };
    try {
      return await this.#receive(request, { ...form, signal, identity });
    } catch (error) {
      if (!request.raw.complete) return { code: 400, message: 'the sender went away' };
      throw error;
    }
  }

  /** Fastify itself refuses a Content-Type that is not even one; anything else is a bug. */
  #failureOf(error: FastifyError): Failure {
    if (error.statusCode === 415) return { code: 415, message: error.message };
    this.#options.log.error({ error }, 'cannot serve a request');
    return { code: 503, message: 'internal trouble', afterSeconds: 30 };
  }

  /** Undefined when the key has as many requests in work as it may. */
  #startWork({ keyId }: Identity): Disposable | undefined {
    const inWork = this.#inWork.get(keyId) ?? 0;
    if (inWork >= this.#options.limits.requestsMax) return undefined;
    this.#inWork.set(keyId, inWork + 1);
    const end = (): void => {
      this.#inWork.set(keyId, (this.#inWork.get(keyId) ?? 1) - 1);
    };
    return { [Symbol.dispose]: end };
  }

  async #receive(
    request: FastifyRequest,
    { isGzip, ...form }: Form & { readonly signal: Signal; readonly identity: Identity },
  ): Promise<Outcome> {
    const { limits, receiver } = this.#options;
    const { bodyBytesMax } = limits;
    const inflatedBytesMax =
      form.encoding === 'json'
        ? Math.min(limits.inflatedBytesMax, jsonBytesMax)
        : limits.inflatedBytesMax;
    const bounds = { isGzip, bodyBytesMax, inflatedBytesMax };
    using holder = new RequestBody(this.#memory, request.raw, bounds);
    const body = await holder.read();
    if (body.kind !== 'whole') return { code: bodyCodes[body.kind], message: body.message };
    return outcomeOf(await receiver.receive({ ...form, body: body.bytes, gzip: body.gzip }));
  }

  #answer(
    outcome: Outcome,
    { signal, request, reply }: { signal: Signal; request: FastifyRequest; reply: FastifyReply },
  ): FastifyReply {
    const { clock, telemetry } = this.#options;
    telemetry.requests.add(1, { signal, code: String(outcome.code) });
    const encoding = encodingOf(request.headers['content-type']) ?? 'json';
    reply.code(outcome.code).type(mediaTypes[encoding]);
    reply.header('farpoint-time', String(Math.floor(clock.unixMs())));
    if (outcome.code === 200) {
      if (outcome.through !== undefined) {
        reply.header('farpoint-accepted-through', String(outcome.through));
      }
      return reply.send(successBody(outcome, signal, encoding));
    }
    if (outcome.code === 401) reply.header('www-authenticate', 'Bearer');
    if (outcome.code === 405) reply.header('allow', 'POST');
    if (outcome.code === 415) reply.header('accept-encoding', 'gzip');
    if (outcome.code === 429 || outcome.code === 503) {
      reply.header('retry-after', String(Math.max(1, Math.ceil(outcome.afterSeconds ?? 1))));
    }
    return reply.send(failureBody(outcome, encoding));
  }
}

/** What the headers say of the body. */
interface Form {
  readonly encoding: Encoding;
  readonly isGzip: boolean;
  readonly range: OutboxRange | undefined;
  readonly clockOffsetMs: number | undefined;
}

function formOf({ headers }: FastifyRequest): Form | Failure {
  const encoding = encodingOf(headers['content-type']);
  if (encoding === undefined) {
    const types = Object.values(mediaTypes).join(' or ');
    return { code: 415, message: `Content-Type must be ${types}` };
  }
  const compression = headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  if (compression !== 'gzip' && compression !== 'identity') {
    return { code: 415, message: 'Content-Encoding must be gzip or absent' };
  }
  const range = rangeOf(headers['farpoint-outbox'], headers['farpoint-sequence']);
  if (range === 'malformed') {
    return { code: 400, message: 'Farpoint-Outbox and Farpoint-Sequence: FIRST-LAST do not fit' };
  }
  const clockOffsetMs = millisecondsOf(headers['farpoint-clock-offset']);
  return { encoding, isGzip: compression === 'gzip', range, clockOffsetMs };
}

function rangeOf(
  outbox: string | string[] | undefined,
  sequence: string | string[] | undefined,
): OutboxRange | 'malformed' | undefined {
  if (outbox === undefined && sequence === undefined) return undefined;
  if (typeof outbox !== 'string' || !/^[\w-]{1,64}$/.test(outbox)) return 'malformed';
  const match = /^(\d{1,15})-(\d{1,15})$/.exec(String(sequence));
  const [first, last] = [Number(match?.[1]), Number(match?.[2])];
  return first >= 1 && first <= last ? { outbox, first, last } : 'malformed';
}

/** Data are not refused for what is said beside them: what is no number is not there. */
function millisecondsOf(text: string | string[] | undefined): number | undefined {
  return typeof text === 'string' && /^-?\d{1,15}$/.test(text) ? Number(text) : undefined;
}

const bodyCodes = { too_large: 413, malformed: 400, busy: 503 } as const;
const answerCodes = { undecodable: 400, too_many: 413, foreign: 403, later: 503 } as const;

function outcomeOf(answer: ExportAnswer): Outcome {
  if (answer.kind === 'accepted') return { ...answer, code: 200 };
  return { ...answer, code: answerCodes[answer.kind] };
}
